"""What can go wrong with Dataverse, shaped by what a caller can do about it.

    DataverseError
    ├── UnavailableError      try later: outage, lost connection, garbled or oversized answer, 5xx
    │   └── ThrottledError    try later, not before `retry_after` seconds: service protection limits
    ├── DeniedError           ask an operator: no valid token, no privilege, user disabled
    ├── NotFoundError         the row (or a row it points at) is gone
    ├── ConflictError         the row exists already, or changed meanwhile
    └── RejectedError         fix the request or the row: anything else that Dataverse refuses

`str(error)` names status, code and request id only. Dataverse repeats values in its texts, so the text itself
stands apart in `detail`: for reports that people of the contact centre read, never for logs.
"""


class DataverseError(Exception):
    """Base of all Dataverse failures."""

    def __init__(
        self, message: str, *, status: int | None = None, code: str = "", request_id: str = "", detail: str = ""
    ) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.request_id = request_id
        self.detail = detail


class UnavailableError(DataverseError):
    """Dataverse did not give an answer that can be used. The same request may succeed later."""


class ThrottledError(UnavailableError):
    """A service protection limit was reached. `retry_after` is in seconds."""

    def __init__(
        self, message: str, *, retry_after: float, status: int | None = None, code: str = "", request_id: str = ""
    ) -> None:
        super().__init__(message, status=status, code=code, request_id=request_id)
        self.retry_after = retry_after


class DeniedError(DataverseError):
    """The caller is not who it should be, or may not do this. Only an operator can help."""


class NotFoundError(DataverseError):
    """The addressed row, or a row that it refers to, does not exist."""


class ConflictError(DataverseError):
    """The row exists already, or its version is not the expected one."""


class RejectedError(DataverseError):
    """Dataverse refuses the request as it stands."""


_BY_STATUS: dict[int, type[DataverseError]] = {
    401: DeniedError,
    403: DeniedError,
    404: NotFoundError,
    408: UnavailableError,
    409: ConflictError,
    412: ConflictError,
}

# Codes that say more than their HTTP status (Dataverse error codes, Microsoft.Crm.Sdk).
_BY_CODE: dict[str, type[DataverseError]] = {
    "0x80040217": NotFoundError,  # ObjectDoesNotExist, also for a bind to a missing row
    "0x80040220": DeniedError,  # PrivilegeDenied
    "0x80040225": DeniedError,  # the user is disabled
    "0x80040237": ConflictError,  # DuplicateRecord
    "0x80044150": UnavailableError,  # generic SQL error
    "0x80044151": UnavailableError,  # SQL timeout
    "0x80060882": ConflictError,  # ConcurrencyVersionMismatch
    "0x80060892": ConflictError,  # DuplicateRecordEntityKey
}

THROTTLE_CODES = frozenset({"0x80072321", "0x80072322", "0x80072326"})
"""Execution time, number of requests, concurrency (Service protection API limits)."""


def error_for(status: int, code: str, detail: str, request_id: str, retry_after: float | None) -> DataverseError:
    """The error that an answer stands for. `retry_after` is in seconds, None when the answer names none."""
    message = f"Dataverse answered {status}{f' {code}' if code else ''} (request {request_id or 'unknown'})"
    if status == 429 or code in THROTTLE_CODES:
        return ThrottledError(
            message, retry_after=5.0 if retry_after is None else retry_after, status=status, code=code,
            request_id=request_id,
        )  # fmt: skip
    kind = _BY_CODE.get(code) or _BY_STATUS.get(status) or (UnavailableError if status >= 500 else RejectedError)
    return kind(message, status=status, code=code, request_id=request_id, detail=detail)
