"""What can go wrong with Dataverse, shaped by what a caller can do about it.

    DataverseError
    ├── UnavailableError          try later: outage, lost connection, garbled or oversized answer, 5xx
    │   └── ThrottledError        try later, not before `retry_after` seconds: service protection limits
    ├── DeniedError               ask an operator: no valid token, no privilege, user disabled
    ├── NotFoundError             gone: the row, or a row it points at
    ├── ConflictError             someone else was here first: read again, then decide
    │   ├── AlreadyExistsError    the row exists already; with an id of ours that means "done before"
    │   └── ChangedError          the row changed meanwhile: its version is not the expected one
    └── RejectedError             fix the request or the row: anything else that Dataverse refuses
        ├── PayloadTooLargeError  send less at once
        └── DeltaExpiredError     what changed is no longer known: read everything anew

`str(error)` names status, code and request id only, and of those nothing that is not shaped like one. Dataverse
repeats values in its texts, so the text itself stands apart in `detail`: for reports that people of the contact
centre read, never for logs.
"""

import math
import re
from dataclasses import dataclass
from uuid import UUID


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
    """Dataverse did not give an answer that can be used. The same request may succeed later.

    `retry_after` is in seconds, None when nobody said how long.
    """

    retry_after: float | None

    def __init__(
        self,
        message: str,
        *,
        retry_after: float | None = None,
        status: int | None = None,
        code: str = "",
        request_id: str = "",
        detail: str = "",
    ) -> None:
        super().__init__(message, status=status, code=code, request_id=request_id, detail=detail)
        self.retry_after = retry_after


class ThrottledError(UnavailableError):
    """A service protection limit was reached. `retry_after` is in seconds."""

    retry_after: float

    def __init__(
        self,
        message: str,
        *,
        retry_after: float,
        status: int | None = None,
        code: str = "",
        request_id: str = "",
        detail: str = "",
    ) -> None:
        super().__init__(
            message, retry_after=retry_after, status=status, code=code, request_id=request_id, detail=detail
        )


class DeniedError(DataverseError):
    """The caller is not who it should be, or may not do this. Only an operator can help."""


class NotFoundError(DataverseError):
    """The addressed row, or a row that it refers to, does not exist."""


class ConflictError(DataverseError):
    """The row exists already, or its version is not the expected one."""


class AlreadyExistsError(ConflictError):
    """A row with this id or alternate key exists already."""


class ChangedError(ConflictError):
    """The row changed since it was read (optimistic concurrency)."""


class RejectedError(DataverseError):
    """Dataverse refuses the request as it stands."""


class PayloadTooLargeError(RejectedError):
    """The request is too large as a whole. Its halves may pass."""


class DeltaExpiredError(RejectedError):
    """A delta link is too old or not known (any more). Only a full read gives a new one."""


@dataclass(frozen=True, slots=True)
class Meaning:
    """The name that Microsoft gives a code, and what it stands for; None where only the status tells."""

    name: str
    kind: type[DataverseError] | None


MEANINGS: dict[str, Meaning] = {
    # Service protection API limits: number of requests, execution time, concurrency.
    "0x80072322": Meaning("ThrottlingBurstRequestLimitExceededError", ThrottledError),
    "0x80072321": Meaning("ThrottlingTimeExceededError", ThrottledError),
    "0x80072326": Meaning("ThrottlingConcurrencyLimitExceededError", ThrottledError),
    # Web service error codes. ObjectDoesNotExist is also the answer to a bind to a missing row.
    "0x80040217": Meaning("ObjectDoesNotExist", NotFoundError),
    "0x80060891": Meaning("RecordNotFoundByEntityKey", NotFoundError),
    "0x80060892": Meaning("DuplicateRecordEntityKey", AlreadyExistsError),
    "0x80040237": Meaning("DuplicateRecord", AlreadyExistsError),
    # A duplicate-detection rule found a similar row, which need not be ours: it does not mean "done before".
    "0x80040333": Meaning("DuplicateRecordsFound", ConflictError),
    "0x80060882": Meaning("ConcurrencyVersionMismatch", ChangedError),
    "0x80040220": Meaning("PrivilegeDenied", DeniedError),
    "0x80048306": Meaning("AccessDenied", DeniedError),
    "0x80042f09": Meaning("UserNotAssignedRoles", DeniedError),
    "0x80040225": Meaning("UserDisabled", DeniedError),
    "0x80072560": Meaning("UserNotMemberOfOrganization", DeniedError),
    "0x80044150": Meaning("GenericSqlError", UnavailableError),
    "0x80044151": Meaning("SqlTimeout", UnavailableError),
    # With a 404 too: the request names a table or column that is not there, which is no missing row.
    "0x80060888": Meaning("BadRequestUri", RejectedError),
    "0x80048d19": Meaning("UnreadablePayload", RejectedError),
    "0x80060890": Meaning("EntityKeyNotDefined", RejectedError),
    "0x80044331": Meaning("StringLengthTooLong", RejectedError),
    "0x8004432f": Meaning("IntegerValueOutOfRange", RejectedError),
    "0x80044330": Meaning("DecimalValueOutOfRange", RejectedError),
    "0x8004431a": Meaning("PicklistValueOutOfRange", RejectedError),
    "0x80048408": Meaning("InvalidStateCodeStatusCode", RejectedError),
    "0x80040203": Meaning("InvalidArgument", RejectedError),
    "0x80040200": Meaning("RequiredFieldMissing", RejectedError),
    "0x80040239": Meaning("InvalidDateTime", RejectedError),
    "0x80040227": Meaning("CannotDeleteDueToAssociation", RejectedError),
    "0x80040522": Meaning("CannotAddQueueItemsToInactiveQueue", RejectedError),
    "0x8004051c": Meaning("CannotAddSingleQueueEnabledEntityToQueue", RejectedError),
    "0x80044352": Meaning("ExpiredVersionStamp", RejectedError),
    # A plug-in stopped the operation on purpose: a rule of the environment, whatever the status.
    "0x80040265": Meaning("PluginAborted", RejectedError),
    "0x80040224": Meaning("IsvUnexpected", None),
    "0x80040216": Meaning("UnExpected", None),
    "0x8006088a": Meaning("CrmHttpError", None),
}
"""Codes by what they stand for, which beats the HTTP status (Web service error codes; Service protection API limits).

Where Microsoft publishes no name the one here is ours.
"""

_BY_STATUS: dict[int, type[DataverseError]] = {
    401: DeniedError,
    402: DeniedError,
    403: DeniedError,
    404: NotFoundError,
    407: DeniedError,
    408: UnavailableError,
    409: ConflictError,
    410: NotFoundError,
    412: ConflictError,
    413: PayloadTooLargeError,
    414: PayloadTooLargeError,
    421: UnavailableError,
    425: UnavailableError,
    # What the server cannot do today it cannot do in a minute either.
    501: RejectedError,
    505: RejectedError,
}

_WITHOUT_RETRY_AFTER = 5.0
# The code of "UnExpected" also stands for a payload above 116.85 MB that a plug-in would see; only the text tells.
_UNEXPECTED = "0x80040216"
_SANDBOX_SIZE = "message size exceeded"
_HEX = re.compile(r"0x[0-9a-f]{1,8}")
# 0x80040000 to 0x8007ffff, signed or unsigned. No wider: a telephone number must not pass for a code.
_CODES = range(0x8004_0000, 0x8008_0000)


def kind_of(status: int, code: str = "") -> type[DataverseError]:
    """What an answer stands for: 429 is always a limit, then the code (any spelling) decides, then the HTTP status."""
    if status == 429:
        return ThrottledError
    meaning = MEANINGS.get(normal_code(code))
    if meaning is not None and meaning.kind is not None:
        return meaning.kind
    return _BY_STATUS.get(status) or (UnavailableError if status >= 500 else RejectedError)


def normal_code(code: str | int) -> str:
    """A Dataverse code as `0x8004....` in lower case, from hex of any case or a signed or unsigned decimal.

    Empty for anything else, so that nothing which is no code reaches a log.
    """
    text = str(code).strip().lower()
    if _HEX.fullmatch(text):
        return f"0x{int(text, 16):08x}"
    if re.fullmatch(r"-?[0-9]{10}", text) and (number := int(text) % 2**32) in _CODES:
        return f"0x{number:08x}"
    return ""


def error_for(status: int, code: str, detail: str, request_id: str, retry_after: float | None) -> DataverseError:
    """The error that an answer stands for. `retry_after` is in seconds, None when the answer names none."""
    known = normal_code(code)
    kind = kind_of(status, known)
    if known == _UNEXPECTED and _SANDBOX_SIZE in detail.lower():
        kind = PayloadTooLargeError
    return error_of(kind, status=status, code=known, detail=detail, request_id=request_id, retry_after=retry_after)


def error_of(
    kind: type[DataverseError], *, status: int, code: str, detail: str, request_id: str, retry_after: float | None
) -> DataverseError:
    """An error of this kind, its message free of anything that is not shaped like a code or a request id."""
    code, request_id = normal_code(code), _guid_or_nothing(request_id)
    name = f"{code} {MEANINGS[code].name}" if code in MEANINGS else code
    message = f"Dataverse answered {status}{f' {name}' if name else ''} (request {request_id or 'unknown'})"
    wait = retry_after if retry_after is not None and math.isfinite(retry_after) and retry_after >= 0 else None
    if issubclass(kind, ThrottledError):
        return kind(
            message, retry_after=_WITHOUT_RETRY_AFTER if wait is None else wait, status=status, code=code,
            request_id=request_id, detail=detail,
        )  # fmt: skip
    if issubclass(kind, UnavailableError):
        return kind(message, retry_after=wait, status=status, code=code, request_id=request_id, detail=detail)
    return kind(message, status=status, code=code, request_id=request_id, detail=detail)


def _guid_or_nothing(text: str) -> str:
    """A request id in GUID form; gateways put other things there, which may be anybody's text."""
    try:
        return str(UUID(text.strip()))
    except ValueError:
        return ""
