"""One request of the Web API as a value: sent alone, or as a part of a `$batch`, by whoever does the I/O."""

import re
from dataclasses import dataclass
from typing import Literal, get_args

from shared.dataverse.odata.table import JsonRow

API_PATH = "/api/data/v9.2/"
LONGEST_URL = 32_768
"""Characters of a GET URL ("Compose HTTP requests and handle errors", maximum URL length)."""
LONGEST_URL_IN_BATCH = 65_536
"""Characters of a URL inside `$batch` ("Execute batch operations")."""
_LONGEST_ORIGIN = len("https://") + 255
"""A DNS name has at most 255 characters; a path must fit whatever the environment is called."""

type Method = Literal["GET", "POST", "PATCH", "PUT", "DELETE"]

_METHODS = frozenset(get_args(Method.__value__))
_HEADER_NAME = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")


class EncodedPath(str):
    """A path that was put together of encoded pieces alone: no part has to look at each of its signs again.

    For paths of tens of kilobytes that a caller waits for; whoever makes one answers for its pieces.
    """

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class Part:
    """One request. `path` is below `/api/data/v9.2/` and already encoded; `headers` come on top of the usual ones.

    Raises ValueError for a method, path or header that could break out of its line.
    """

    method: Method
    path: str
    body: JsonRow | None = None
    headers: tuple[tuple[str, str], ...] = ()

    def __post_init__(self) -> None:
        if self.method not in _METHODS:
            raise ValueError("a request needs one of the methods GET, POST, PATCH, PUT, DELETE")
        if type(self.path) is not EncodedPath and not _one_word(self.path):
            raise ValueError("the path of a request holds a character that is not encoded")
        for name, value in self.headers:
            if not _HEADER_NAME.fullmatch(name) or not (value.isascii() and value.isprintable()):
                raise ValueError("a header of a request holds a character that no header may hold")


def _one_word(path: str) -> bool:
    return path.isascii() and len(path.encode().translate(None, _NO_PART_OF_A_WORD)) == len(path)


_NO_PART_OF_A_WORD = bytes([*range(ord(" ") + 1), 0x7F])
"""The space and the control characters."""


def fits_url(path: str, *, in_batch: bool = False) -> bool:
    """Whether a GET of this path keeps to the limit on URLs, alone or inside a `$batch`."""
    limit = LONGEST_URL_IN_BATCH if in_batch else LONGEST_URL
    return _LONGEST_ORIGIN + len(API_PATH) + len(path) <= limit
