"""What Dataverse answered: status, headers and JSON, and the failure that they stand for."""

import math
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

from shared.dataverse.errors import DataverseError, error_for


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


def retry_after_seconds(header: str | None, now: datetime) -> float | None:
    """Seconds to wait by a Retry-After header, which holds seconds or an HTTP date; None when it holds neither."""
    if not header:
        return None
    try:
        seconds = float(header)
    except ValueError:
        return _seconds_until(header, now)
    return max(0.0, seconds) if math.isfinite(seconds) else None


def _seconds_until(date: str, now: datetime) -> float | None:
    try:
        moment = parsedate_to_datetime(date)
    except ValueError:
        return None
    # RFC 9110: an HTTP date is in GMT. The parser gives a naive one for "-0000".
    moment = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment
    return max(0.0, (moment - now).total_seconds())
