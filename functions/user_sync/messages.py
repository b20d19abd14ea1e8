"""What an operator sends with `POST /api/users/sync`: nothing, or one wish."""

from pydantic import BaseModel, ConfigDict, Field, ValidationError

LARGEST_BODY = 1024


class BadRequestError(ValueError):
    """The body is no order of ours. The text says why and repeats nothing of it."""


class SyncOrder(BaseModel):
    """How to run. An empty body stands for `{}`."""

    model_config = ConfigDict(frozen=True, strict=True, extra="forbid", hide_input_in_errors=True)

    accept_fewer: bool = Field(False, alias="acceptFewer")
    """Believe lists of users that have half as many as last time, or fewer."""


def read_order(body: bytes) -> SyncOrder:
    """The order in this body. Raises BadRequestError."""
    if len(body) > LARGEST_BODY:
        raise BadRequestError(f"the body is larger than {LARGEST_BODY} bytes")
    try:
        return SyncOrder.model_validate_json(body) if body.strip() else SyncOrder()
    except ValidationError as error:
        # Without the place: an unknown key is anybody's text.
        raise BadRequestError("; ".join(str(item["msg"]) for item in error.errors(include_input=False))) from None
