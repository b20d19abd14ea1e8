"""The switches: how slow and how strict the simulated environment is. Every switch can be set while it runs."""

from dataclasses import dataclass
from typing import ClassVar, Literal

from local.simulation.switches import Switches


@dataclass
class Environment(Switches):
    """How the environment behaves. Defaults cost no time and follow the documents; UNCONFIRMED facts are switches."""

    least: ClassVar[int] = 1
    leasts: ClassVar[dict[str, int]] = {"dop_hint": 0}

    # What things cost. All work on records occupies one of `slots` server slots. A dop_hint of 0 sends no header.
    latency_ms: float = 0
    bulk_record_ms: float = 0
    single_write_ms: float = 0
    read_part_ms: float = 0
    slots: int = 52
    dop_hint: int = 52
    # Service protection limits ("Service protection API limits"), for the one caller that the simulator knows.
    max_concurrent: int = 52
    request_limit: int = 6000
    execution_limit_ms: float = 1_200_000
    window_s: float = 300
    # Strictness.
    strict_tokens: bool = False
    affinity_cookie: bool = True
    missing_bind_status: Literal[400, 404] = 404
    readonly_columns: Literal["ignore", "refuse"] = "ignore"
    create_statecode: Literal["refuse", "ignore"] = "refuse"
    null_bind: Literal["clear", "refuse"] = "clear"
    case_state_by_patch: Literal["accept", "refuse"] = "accept"
    patch_parties: Literal["replace", "refuse"] = "replace"
    direct_party_create: Literal["accept", "refuse"] = "refuse"
    activity_time_of_day: Literal["keep", "drop"] = "keep"
    delete_customer_with_cases: bool = False
    owner_needs_assign: bool = True
    # What becomes of a row that has an active queue item, and of a queue that has items: "Queue tables" says both that
    # such a queue cannot be deleted and that its items go with it.
    queued_twice: Literal["move", "add", "refuse"] = "move"
    delete_queue_with_items: Literal["cascade", "refuse"] = "cascade"
    unresolved_parties: Literal["accept", "refuse"] = "accept"
    changeset_error_wrapped: bool = False
    # Change tracking.
    delta_token_days: float = 7
    expired_delta_status: Literal[400, 410] = 400
    # FetchXML ("Join tables using FetchXml", "Filter rows using FetchXml"): the most link-entity elements of a query,
    # and the most condition and link-entity elements together. The public number is 500. An `in` is one condition,
    # however many values it has: the document names it as the way to need fewer conditions.
    fetch_links: int = 10
    fetch_conditions: int = 500
    # Scheduling. Working hours are in UTC; a resource that has its calendar from shifts works when a shift says so.
    working_start_hour: float = 8
    working_end_hour: float = 16
    working_weekend: bool = False
    shift_calendar: Literal["generate", "ignore"] = "generate"
    search_resource_limit: int = 500
    search_version: Literal["optional", "required"] = "optional"
    annotation_order: Literal["any", "before"] = "any"
    unknown_settings: Literal["refuse", "ignore"] = "refuse"
    expando_numbers: Literal["number", "text"] = "number"
    proposal_step_min: int = 30
    booking_status_id: Literal["required", "optional"] = "required"
    group_booking_overlap: Literal["accept", "refuse"] = "accept"
    # SOAP.
    soap_throttle_status: Literal[429, 500] = 429
