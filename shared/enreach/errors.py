"""What can go wrong with Enreach, shaped by what a caller can do about it.

    EnreachError
    ├── UnavailableError             try later: outage, lost connection, no answer in time, 5xx
    │   ├── NotSentError             no connection came about, so nothing was done
    │   ├── ThrottledError           try later, not before `retry_after` seconds: 429
    │   └── UnreadableReplyError     an answer of which nothing may be believed: a web page, half a text, another shape
    │       └── ReplyTooLargeError   ask for less at once
    ├── DeniedError                  ask an operator: this user may not do this
    │   ├── CredentialsError         ask an operator: the user or its API secret key is wrong or has ended (401)
    │   └── EndpointError            ask an operator: discovery knows no such user, or names an address that is not safe
    ├── NotFoundError                gone, or never there
    └── RejectedError                fix the request: anything else that Enreach refuses

No text holds anything that Enreach sent or that was asked for: numbers, names, e-mails, keys and tokens stand there.
"""


class EnreachError(Exception):
    """Base of all Enreach failures. `status` is that of the answer, None where none came or it is not at fault."""

    def __init__(self, message: str, *, status: int | None = None) -> None:
        super().__init__(message)
        self.status = status


class UnavailableError(EnreachError):
    """Enreach did not give an answer that can be used. The same request may succeed later."""


class NotSentError(UnavailableError):
    """No connection came about: the address may have moved."""


class ThrottledError(UnavailableError):
    """Too many requests. `retry_after` is in seconds: what the answer says, else our own growing pause."""

    def __init__(self, message: str, *, retry_after: float, status: int | None = 429) -> None:
        super().__init__(message, status=status)
        self.retry_after = retry_after


class UnreadableReplyError(UnavailableError):
    """An answer with a good status that is not what was asked for. It must not pass for "there is nothing"."""


class ReplyTooLargeError(UnreadableReplyError):
    """An answer larger than any that we take. The same question would be answered so again."""


class DeniedError(EnreachError):
    """The API user may not do this. Only an operator can help."""


class CredentialsError(DeniedError):
    """ENREACH_USER or ENREACH_SECRET_KEY is wrong, or the key has ended. Asking again may lock the user out."""


class EndpointError(DeniedError):
    """Nobody may be sent the key: discovery does not know ENREACH_USER, or names an address that is not https."""


class NotFoundError(EnreachError):
    """There is no such thing, or the API has no such path."""


class RejectedError(EnreachError):
    """Enreach refuses the request as it stands."""
