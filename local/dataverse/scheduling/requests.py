"""What a search asks for: the requirement, the settings, and which resources may be considered.

Names, types and defaults: "Search resource availability API" and "Search for resource availability and create
bookings for requirement groups" (Dynamics 365 Field Service documentation).
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from local.dataverse.bags import Bag, BagReader
from local.dataverse.environment import Environment
from local.dataverse.errors import invalid_argument, not_built
from local.dataverse.scheduling.intervals import Interval

VERSION = re.compile(r"\d+(\.\d+){0,2}", re.ASCII)
CREW, ONSITE = 6, 690970000
EVERY_TYPE = frozenset(range(1, 9))
LONGEST_SEARCH_DAYS = 366


@dataclass(frozen=True)
class Requirement:
    """One msdyn_resourcerequirement, stored or made for the call. Durations in minutes."""

    window: Interval
    duration: float
    effort: float
    types: frozenset[int]
    onsite: bool
    row_id: str | None = None


@dataclass(frozen=True)
class Settings:
    """How slots are judged."""

    shorter_slots: bool = False
    smaller_capacity: bool = False
    overlapping_bookings: bool = False
    proposed_bookings: bool = False
    move_past_start: bool = False
    radius: float = 0
    most_resources: int | None = None


@dataclass(frozen=True)
class Specification:
    """Which resources may be considered. None means that the caller did not say."""

    types: frozenset[int] | None = None
    preferred: tuple[str, ...] = ()
    restricted: frozenset[str] = frozenset()
    must_choose: frozenset[str] | None = None
    characteristics: frozenset[str] = frozenset()
    organizational_units: frozenset[str] | None = None
    business_units: frozenset[str] | None = None


def check_version(version: str | None, known: tuple[str, ...], message: str, *, required: bool) -> None:
    """Refuses a version that is not there; "1" and "1.0" mean the newest 1.x.y."""
    if version is None and not required:
        return
    if version is None:
        raise invalid_argument(f"The parameter 'Version' of {message} is missing.")
    if not VERSION.fullmatch(version) or not any(f"{full}.".startswith(f"{version}.") for full in known):
        raise invalid_argument(f"Version '{version}' of {message} is not supported. Versions: {', '.join(known)}.")


def requirement_of(values: Mapping[str, Any], now: datetime, settings: Settings) -> Requirement:
    """Returns the requirement out of the stored form of its columns."""
    for name in ("msdyn_fromdate", "msdyn_todate"):
        if values.get(name) is None:
            raise invalid_argument(f"The requirement needs '{name}'.")
    start, end = (datetime.fromisoformat(values[name]) for name in ("msdyn_fromdate", "msdyn_todate"))
    if settings.move_past_start:
        start = max(start, now.astimezone(UTC).replace(microsecond=0))
    if end <= start:
        raise invalid_argument("The requirement ends before it starts.")
    if (end - start).days > LONGEST_SEARCH_DAYS:
        raise invalid_argument(f"The requirement spans more than {LONGEST_SEARCH_DAYS} days.")
    remaining = values.get("msdyn_remainingduration")
    types = str(values.get("msdyn_resourcetype") or "")
    return Requirement(
        Interval(start, end),
        float(values.get("msdyn_duration") or 0 if remaining is None else remaining),
        float(values.get("msdyn_effort") or 1),
        frozenset(int(each) for each in types.split(",") if each),
        values.get("msdyn_worklocation") == ONSITE,
        values.get("msdyn_resourcerequirementid"),
    )


def read_settings(bag: Bag, environment: Environment) -> Settings:
    """Returns the settings of the search for one requirement."""
    reader = BagReader(bag, "Settings")
    for name in ("ConsiderTravelTime", "UseRealTimeResourceLocation", "ConsiderAppointments"):
        reader.flag(name)  # without maps and appointments in this simulator they change nothing
    for item in reader.bags("SortOrder"):
        order = BagReader(item, "SortOrder")
        order.required("Name")
        order.text("Name")
        if order.whole_number("SortOrder") not in {None, 0, 1}:
            raise invalid_argument("'SortOrder' of SortOrder is 0 (ascending) or 1 (descending).")
    most = reader.whole_number("MaxNumberOfResourcesToEvaluate")
    if most is not None and most < 1:
        raise invalid_argument("'MaxNumberOfResourcesToEvaluate' of Settings must be at least 1.")
    settings = Settings(
        shorter_slots=reader.flag("ConsiderSlotsWithLessThanRequiredDuration"),
        smaller_capacity=reader.flag("ConsiderSlotsWithLessThanRequiredCapacity"),
        overlapping_bookings=reader.flag("ConsiderSlotsWithOverlappingBooking"),
        proposed_bookings=reader.flag("ConsiderSlotsWithProposedBookings"),
        move_past_start=reader.flag("MovePastStartDateToCurrentDate"),
        radius=_radius(reader.bag("MaxResourceTravelRadius")),
        most_resources=most,
    )
    refuse_unknown(reader, environment)
    return settings


def _radius(bag: Bag | None) -> float:
    if bag is None:
        return 0
    reader = BagReader(bag, "MaxResourceTravelRadius")
    reader.whole_number("Unit")
    return reader.number("Value") or 0


def refuse_unknown(reader: BagReader, environment: Environment) -> None:
    """A bag takes any member, so that a misspelt one has no effect; the simulator tells, unless it is switched off."""
    if environment.unknown_settings == "refuse":
        reader.refuse_others()


def read_specification(bag: Bag | None, environment: Environment) -> Specification:
    """Returns which resources may be considered."""
    reader = BagReader(bag or Bag(), "ResourceSpecification")
    constraints = BagReader(reader.bag("Constraints") or Bag(), "Constraints")
    for name in ("RetrieveResourcesQueryId", "BookedResourceId"):
        reader.guid(name)
    for name in ("Roles", "Territories", "Teams"):
        if constraints.bags(name):
            raise not_built(f"the constraint {name}")
    constraints.flag("UnspecifiedTerritory")
    specification = Specification(
        types=_types(reader.bags("ResourceTypes")),
        preferred=tuple(ids_in(reader.bags("PreferredResources"), "value")),
        restricted=frozenset(ids_in(reader.bags("RestrictedResources"), "value")),
        must_choose=chosen_ids(reader, "MustChooseFromResources", "value"),
        characteristics=frozenset(ids_in(constraints.bags("Characteristics"), "characteristic", "characteristicid")),
        organizational_units=chosen_ids(
            constraints, "OrganizationalUnits", "organizationalunit", "msdyn_organizationalunitid"
        ),
        business_units=chosen_ids(constraints, "BusinessUnits", "businessunit", "businessunitid"),
    )
    refuse_unknown(reader, environment)
    refuse_unknown(constraints, environment)
    return specification


def _types(items: list[Bag]) -> frozenset[int] | None:
    if not items:
        return None
    types = {BagReader(item, "ResourceTypes").number_as_text("value") for item in items}
    unknown = types - EVERY_TYPE
    if unknown:
        raise invalid_argument("The 'value' of ResourceTypes is one of 1 to 8.")
    return frozenset(each for each in types if each is not None)


def chosen_ids(reader: BagReader, name: str, *members: str) -> frozenset[str] | None:
    """Returns the ids in a collection, None when it is absent or empty."""
    return frozenset(ids_in(reader.bags(name), *members)) or None


def ids_in(items: list[Bag], *members: str) -> list[str]:
    """Returns the guid of each item, under one of the names, plain or as `value` of a nested bag."""
    return [_id_in(item, members) for item in items]


def _id_in(item: Bag, members: tuple[str, ...]) -> str:
    for name in members:
        value = item.attributes.get(name)
        nested = value if isinstance(value, Bag) else None
        found = BagReader(nested, name).guid("value") if nested else BagReader(item, "a collection").guid(name)
        if found is not None:
            return found
    raise invalid_argument(f"An item of the collection has no '{members[0]}'.")
