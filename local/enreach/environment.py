"""The switches: what no public text settles, and how slow the service is. Each can be set while it runs."""

from dataclasses import dataclass, field
from typing import Any, Literal, get_origin

from local.simulation.switches import Switches


@dataclass
class Environment(Switches):
    """How the service behaves. Defaults cost no time and follow the documents; UNCONFIRMED facts are switches."""

    latency_ms: float = 0
    # Rate limits are UNKNOWN: requests in any 60 s (0: no limit), and the Retry-After of the 429 (0: no such header).
    requests_per_minute: int = 0
    retry_after_s: int = 0
    # Discovery: with a trailing slash and without (CONFIRMED that both occur). A silo moves the API below `/<silo>/`.
    endpoint_slash: bool = True
    silo: str = ""
    api_endpoint: str = ""  # stands in the place of the simulator's own address
    # Selectors of the feeds. Whether the ends of a window belong to it is UNKNOWN: both, the start alone, or neither.
    window_bounds: Literal["closed", "half-open", "open"] = "closed"
    longest_window_days: float = 31
    modified_before: Literal["required", "optional"] = "required"
    user_ids: Literal["comma-list", "single"] = "comma-list"
    calls_without_user_ids: Literal["all", "own"] = "all"
    order: Literal["ascending", "descending"] = "ascending"
    # How events are written. `as-given` leaves each item as it was planted; what is filled in is ISO with Z.
    call_id_name: Literal["as-given", "CallId", "CallID"] = "as-given"
    start_name: Literal["as-given", "TimeStamp", "StartTime"] = "as-given"
    # `by-header`: `/Date(ms)/` unless the request has `X-Json-Serializer: 2` (INFERRED of the older serializer).
    date_style: Literal["as-given", "iso-z", "iso", "ms-date", "by-header"] = "as-given"
    id_style: Literal["as-given", "upper", "braces"] = "as-given"
    direction_style: Literal["as-given", "number", "bool"] = "as-given"
    plus_sign: Literal["as-given", "dropped"] = "as-given"
    # Names that no public text gives, changed to others: {"calls": {"Privacy": "PrivacyClass"}}, by kind.
    field_names: dict[str, Any] = field(default_factory=dict)
    # Values of fields likewise, by their text: {"calls": {"Privacy": {"Work": 1}}}.
    field_values: dict[str, Any] = field(default_factory=dict)
    # Paths likewise: {"/callbacks/lists": "/callbacklists"}. The assumed path no longer answers.
    paths: dict[str, Any] = field(default_factory=dict)
    # Recordings.
    recording_token_s: float = 300
    recording_auth: Literal["none", "basic"] = "none"
    transcript_status: Literal["Completed", "Pending"] = "Completed"
    # Callbacks.
    closed_callback_change: Literal["ignore", "refuse"] = "ignore"
    # The body of a refusal is UNKNOWN.
    error_body: Literal["json", "text", "empty"] = "json"

    def _check(self, name: str, hint: Any, value: Any) -> None:
        if get_origin(hint) is dict:
            _check_mapping(name, value)
        else:
            super()._check(name, hint, value)


def _check_mapping(name: str, value: Any) -> None:
    """Checks the shape: texts to texts for paths, one level of objects more for names, two for values."""
    depth = {"paths": 0, "field_names": 1, "field_values": 2}[name]
    layer = [value]
    for _ in range(depth + 1):
        if not all(isinstance(mapping, dict) for mapping in layer):
            raise ValueError(f"'{name}' is an object of {'objects of ' * depth}values.")
        layer = [inner for mapping in layer for inner in mapping.values()]
    if name != "field_values" and not all(isinstance(inner, str) and inner for inner in layer):
        raise ValueError(f"'{name}' ends in texts.")
