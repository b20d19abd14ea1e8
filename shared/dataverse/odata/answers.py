"""What Dataverse answered: status, headers and JSON, and the failure that they stand for."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from shared.dataverse.errors import DataverseError, error_for
from shared.retry import retry_after_seconds


@dataclass(frozen=True, slots=True)
class PartReply:
    """An answer, alone or inside a `$batch`: HTTP status, headers in lower case, decoded JSON (None without any)."""

    status: int
    headers: dict[str, str]
    body: Any

    def error(self, now: datetime) -> DataverseError | None:
        """The failure that this answer stands for, None for a success. `now` reads a Retry-After date."""
        if self.status < 400:
            return None
        code, detail = error_fields(self.body)
        retry_after = retry_after_seconds(self.headers.get("retry-after"), now)
        return error_for(self.status, code, detail, self.headers.get("x-ms-service-request-id", ""), retry_after)


def error_fields(body: object) -> tuple[str, str]:
    """Code and text of an error answer `{"error": {"code", "message"}}`, empty where absent."""
    error = body.get("error") if isinstance(body, dict) else None
    if not isinstance(error, dict):
        return "", ""
    return str(error.get("code") or ""), str(error.get("message") or "")
