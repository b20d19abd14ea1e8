"""Which calls may be known: `PrivacyClasses` and `NeverLogNumbers` of `config/call-sync.json`. Pure.

Whoever uses calls obeys both, not call sync alone: nothing of other calls is written anywhere.
"""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field
from pydantic.alias_generators import to_pascal

from shared.phone_numbers import e164

if TYPE_CHECKING:
    from shared.calls.call import Call

DOCUMENT = "call-sync.json"

ON_THE_LIST = "one of its numbers is in NeverLogNumbers"
_OF_A_QUEUE = frozenset({"Work"})


def _never_logged(text: str) -> str:
    """A number in any spelling. Without its country code it is read with the default region, which is not known here;
    a short internal number is compared by its digits."""
    digits = sum(sign.isdecimal() for sign in text)
    is_international = text.strip().startswith(("+", "00"))
    if e164(text) is None and (not digits or is_international or any(sign.isalpha() for sign in text)):
        raise ValueError("must be a phone number")
    return text


def _as_tuple(value: object) -> object:
    # The document has been looked through before, so that its lists are no JSON any more.
    return tuple(value) if isinstance(value, list) else value


class CallPrivacy(BaseModel):
    """These two keys of the document; the others are call sync's (`functions.call_sync.rules`)."""

    model_config = ConfigDict(
        frozen=True, strict=True, extra="ignore", alias_generator=to_pascal, hide_input_in_errors=True
    )

    privacy_classes: Annotated[
        tuple[Literal["Work", "Private", "Undefined"], ...], BeforeValidator(_as_tuple), Field(min_length=1)
    ] = ("Work",)
    never_log_numbers: Annotated[
        tuple[Annotated[str, AfterValidator(_never_logged)], ...], BeforeValidator(_as_tuple)
    ] = ()


@dataclass(frozen=True, slots=True)
class PrivacyRules:
    """The document made ready for a region."""

    classes: frozenset[str]
    never_log: frozenset[str] = field(repr=False)
    """Numbers in the form of `number_key`."""
    region: str | None
    """In which numbers without a country code are read (ISO 3166)."""


def privacy_rules(document: CallPrivacy, region: str | None) -> PrivacyRules:
    """The rules of this document, with the default region of `customer-matching.json`."""
    listed = frozenset(number_key(text, region) for text in document.never_log_numbers)
    return PrivacyRules(frozenset(document.privacy_classes), listed, region)


def number_key(text: str, region: str | None) -> str:
    """What two spellings of a number have in common: E.164, or the digits of what is no complete number."""
    return e164(text, region) or "".join(sign for sign in text if sign.isdecimal())


def is_private(call: "Call", rules: PrivacyRules) -> bool:
    """Whether a user classed it, or did not class it yet, so that it is not ours to know."""
    return not _classes_of(call) <= rules.classes


def is_never_logged(call: "Call", rules: PrivacyRules) -> bool:
    """Whether any number of the call is on the list."""
    if not rules.never_log:
        return False
    texts = {call.customer_number, call.own_number, call.records.service and call.records.service.queue_number}
    texts |= {text for leg in call.legs for text in (leg.caller, leg.called)}
    return any(is_on_the_list(text, rules) for text in texts if text)


def is_on_the_list(number: str, rules: PrivacyRules) -> bool:
    """Whether this number, in any spelling, is on the list."""
    return number_key(number, rules.region) in rules.never_log


def may_be_known(call: "Call", rules: PrivacyRules) -> bool:
    """Whether anything of the call may be kept."""
    return not is_private(call, rules) and not is_never_logged(call, rules)


def why_not_ours(call: "Call", rules: PrivacyRules) -> str | None:
    """Why nothing of the call may be kept, without personal data; None where it may be."""
    if is_private(call, rules):
        return privacy_reason(call, rules)
    return ON_THE_LIST if is_never_logged(call, rules) else None


def privacy_reason(call: "Call", rules: PrivacyRules) -> str:
    """As which classes a private call is classed."""
    classes = sorted(_classes_of(call) - rules.classes)
    return f"classed {' and '.join(classes)}: not in PrivacyClasses"


def ticket_due(call: "Call", rules: PrivacyRules) -> bool:
    """Whether the call is one for the ticket triggers: it has ended, and may be known."""
    return call.has_ended and may_be_known(call, rules)


def _classes_of(call: "Call") -> frozenset[str]:
    # Only events bear a class: a call that the queue alone tells of counts as Work.
    return frozenset(each.value for each in call.privacy) or _OF_A_QUEUE
