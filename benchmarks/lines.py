"""HTTP calls that cost the caller next to nothing: the processor that they take is missing to what is measured."""

import asyncio
import re
from dataclasses import dataclass
from urllib.parse import urlsplit

_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer: status and body."""

    status: int
    body: bytes


class _Line(asyncio.Protocol):
    """One connection, kept alive, for one call at a time."""

    def __init__(self) -> None:
        self.transport: asyncio.Transport | None = None
        self.reply: asyncio.Future[Reply] | None = None
        self._received = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        self._received += data
        head, end, body = self._received.partition(b"\r\n\r\n")
        length = _LENGTH.search(head)
        if end and len(body) >= (int(length[1]) if length else 0):
            self._received = b""
            if self.reply is not None and not self.reply.done():
                self.reply.set_result(Reply(int(head[9:12]), body))

    def connection_lost(self, exc: Exception | None) -> None:
        if self.reply is not None and not self.reply.done():
            self.reply.set_exception(ConnectionError("the connection was closed"))


class Lines:
    """As many connections to one address as calls are under way. For answers with a length or without a body."""

    def __init__(self, url: str, headers: dict[str, str]) -> None:
        address = urlsplit(url)
        self._host, self._port = address.hostname or "", address.port or 80
        fields = {"Host": address.netloc, "Content-Type": "application/json", **headers}
        lines = "".join(f"{name}: {value}\r\n" for name, value in fields.items())
        self._head = f"POST {address.path} HTTP/1.1\r\n{lines}Content-Length: ".encode()
        self._free: list[_Line] = []

    async def post(self, body: bytes, seconds: float) -> Reply:
        """The answer. Raises OSError without one, TimeoutError after so many seconds."""
        line = self._free.pop() if self._free else await self._opened()
        line.reply = asyncio.get_running_loop().create_future()
        assert line.transport is not None
        line.transport.write(b"%b%d\r\n\r\n%b" % (self._head, len(body), body))
        async with asyncio.timeout(seconds):
            reply = await line.reply
        self._free.append(line)
        return reply

    async def _opened(self) -> _Line:
        loop = asyncio.get_running_loop()
        _, line = await loop.create_connection(_Line, self._host, self._port)
        return line

    def close(self) -> None:
        """Hang up."""
        for line in self._free:
            if line.transport is not None:
                line.transport.close()
