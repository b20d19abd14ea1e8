"""The npm client dynamics-web-api, reached through dynamics_web_api.mjs."""

import json
import subprocess
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Refusal:
    """What the npm client rejected with."""

    status: int
    code: str
    message: str
    headers: dict[str, str]


class RefusedError(Exception):
    """The npm client rejected a call; `refusals` has one item, for a batch one a failed part."""

    def __init__(self, refusals: list[Refusal]) -> None:
        super().__init__(refusals)
        self.refusals = refusals


class NodeClient:
    """Speaks to the npm client in a process of its own, one line of JSON each way."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process

    def call(self, name: str, **request: Any) -> Any:
        """Returns what the client's function of this name resolves to, or raises RefusedError."""
        return self._ask({"call": name, "request": request})

    def batch(self, *steps: dict[str, Any], **request: Any) -> Any:
        """Runs the steps (each from `step`) as one batch."""
        return self._ask({"batch": steps, "request": request or None})

    def together(self, *steps: dict[str, Any]) -> list[Any]:
        """Runs the steps at the same time and returns a result or a Refusal for each."""
        answers = self._ask({"together": steps})
        return [_refusal(each["errors"][0]) if "errors" in each else each["result"] for each in answers]

    def _ask(self, command: dict[str, Any]) -> Any:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        print(json.dumps(command), file=self._process.stdin, flush=True)
        answer = json.loads(self._process.stdout.readline())
        if "errors" in answer:
            raise RefusedError([_refusal(error) for error in answer["errors"]])
        return answer["result"]


def _refusal(error: dict[str, Any]) -> Refusal:
    """The client leaves the error body of a batch part as it is and unpacks that of a single answer."""
    inner = error.get("error") or error
    return Refusal(error.get("status", 0), inner.get("code", ""), inner.get("message", ""), error.get("headers") or {})


def step(name: str, **request: Any) -> dict[str, Any]:
    """Returns one step of a batch."""
    return {"call": name, "request": request}
