"""`config/call-sync.json`: which calls become phone calls in Dynamics, and how they look there.

Settings that the vendor's guide has keep its names and its defaults (Voice for Dynamics 365 guide 1.5.3; figure 33);
`CallDurationLimit` is of the newer guide (facts on Enreach, 9.1). The others are our own.
"""

import unicodedata
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, ConfigDict, Field, StringConstraints, model_validator

from shared.calls.ids import canonical_guid
from shared.calls.privacy import DOCUMENT as DOCUMENT
from shared.calls.privacy import CallPrivacy
from shared.customers.document import ColumnName

type UnmatchedCallers = Literal["skip", "log", "contact", "lead"]

_ELSEWHERE = ("NumbersToCut", "MultipleMatchesPickFirst")
"""The guide has them among these; routing, callbacks and tickets go by them too."""
_TAKEN_COLUMNS = frozenset({
    "subject", "phonenumber", "directioncode", "scheduledstart", "scheduledend", "actualstart", "actualend",
    "actualdurationminutes", "statecode", "statuscode",
})  # fmt: skip
_LARGEST_CHOICE = 2**31 - 1


def _subject(text: str) -> str:
    if text != text.strip() or any(unicodedata.category(sign) in {"Cc", "Cs"} for sign in text):
        raise ValueError("must not begin or end with a space or hold a control character")
    return text


def _assignee(text: str | None) -> str | None:
    """The id in one spelling. Text that is no id stays: it names nobody, which health tells, and logging goes on."""
    return canonical_guid(text) or text.strip() or None if text is not None else None


def _audit_column(name: str) -> str:
    if name in _TAKEN_COLUMNS:
        raise ValueError("must be a text column of its own, or description")
    return name


type Subject = Annotated[str, StringConstraints(min_length=1), AfterValidator(_subject)]


class CallSync(CallPrivacy):
    """The whole document. Every key may be left out."""

    model_config = ConfigDict(extra="forbid")

    call_start_margin: Annotated[int, Field(ge=0, le=3600)] = 15
    """Seconds between the start of a call and that of a phone call which an agent's client made of it."""
    default_crm_assignee: Annotated[str | None, AfterValidator(_assignee)] = None
    """Enreach user id (no id of Dynamics): owner and party where the call's own user is not in Dynamics."""
    enable_audit: bool = True
    """Whether everything that Enreach said of the call stands behind its id."""
    enable_multiple_match_create: bool = True
    """Whether queue calls are logged whose number several customers have."""
    execution_interval: Annotated[int, Field(ge=1, le=44640)] = 120
    """Minutes: how far the look-back goes."""
    incoming_direct_call_subject: Subject = "Incoming direct call"
    incoming_queue_call_subject: Subject = "Incoming queue call"
    outgoing_direct_call_subject: Subject = "Outgoing direct call"
    multiple_match_phone_call_status: Annotated[int, Field(ge=0, le=_LARGEST_CHOICE)] = 1
    """Status reason of a call whose number several customers have."""
    process_direct_calls: bool = True
    """Answered direct calls."""
    process_service_calls: bool = False
    """Answered queue calls."""
    process_service_calls_unanswered: bool = False
    run_in_debug_mode: bool = False
    """Whether each run reads the past 45 days."""
    process_direct_calls_unanswered: bool = False
    call_duration_limit: Annotated[int, Field(ge=0, le=86400)] = 0
    """Seconds of talk below which an answered call is not logged."""
    unmatched_callers: UnmatchedCallers = "skip"
    write_recording_link: bool = False
    audit_column: Annotated[ColumnName, AfterValidator(_audit_column)] | None = None
    """A text column of the phone call; None: the last line of `description`."""
    unanswered_status: Literal["Canceled", "Completed"] = "Canceled"
    when_turned_private: Literal["remove", "blank"] = "remove"

    @model_validator(mode="before")
    @classmethod
    def _send_elsewhere(cls, document: Any) -> Any:
        misplaced = [name for name in _ELSEWHERE if isinstance(document, dict) and name in document]
        if misplaced:
            raise ValueError(f"{' and '.join(misplaced)}: write it in customer-matching.json, where all who match go")
        return document

    @property
    def own_audit_column(self) -> str | None:
        """The column that holds the audit text alone; None where it is the last line of `description`."""
        return None if self.audit_column == "description" else self.audit_column
