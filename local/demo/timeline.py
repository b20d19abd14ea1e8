"""The picture: each agent's imported days, hour by hour, from the bookings that stand in Dynamics."""

from collections import defaultdict
from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

type Json = dict[str, Any]

AVAILABLE = 192350000
MAX_DAYS, MAX_AGENTS = 7, 40

# bookableresource.timezone holds a Windows index; these are the zones that the demo may meet. Others show in UTC.
_ZONE_BY_INDEX = {
    4: "America/Los_Angeles", 10: "America/Denver", 20: "America/Chicago", 35: "America/New_York",
    85: "Europe/London", 105: "Europe/Paris", 110: "Europe/Berlin", 125: "Europe/Helsinki",
}  # fmt: skip
_ASSIGNABLE_COLOURS = ("#1b7f79", "#2f6fb5", "#5a9a3b", "#7c5cb8")
_OTHER_COLOURS = ("#e0a458", "#d98c7a", "#c9b79c", "#b5b5b5", "#a3b8cc", "#d4c2d9")


def zone_of(bookings: Sequence[Json]) -> str:
    """The zone that most of the booked agents have."""
    indexes = [booking["Resource"]["timezone"] for booking in bookings]
    return _ZONE_BY_INDEX.get(max(set(indexes), key=indexes.count), "UTC") if indexes else "UTC"


def draw(bookings: Sequence[Json], title: str, path: Path) -> None:
    """Write the timeline as SVG: a panel a day, a line an agent, full colour where routing may assign work."""
    import matplotlib as mpl

    mpl.use("svg")
    mpl.rcParams["svg.fonttype"] = "none"
    from matplotlib import pyplot as plt

    zone_name = zone_of(bookings)
    days = _by_day(bookings, ZoneInfo(zone_name))
    colours = _colours(bookings)
    heights = [0.45 * len(agents) + 0.5 for agents in days.values()]
    figure, axes = plt.subplots(
        len(days), 1, figsize=(12, sum(heights) + 1.6), squeeze=False, gridspec_kw={"height_ratios": heights}
    )
    for axis, (day, agents) in zip(axes[:, 0], days.items(), strict=True):
        _draw_day(axis, day, agents, colours)
    handles = [
        mpl.patches.Patch(facecolor=colour, label=name, **_edge(ready)) for name, (colour, ready) in colours.items()
    ]
    figure.legend(handles=handles, loc="lower center", ncols=min(6, len(handles)), frameon=False)
    figure.suptitle(f"{title}\nhours in {zone_name}; hatched: routing assigns no work", fontsize=12)
    figure.tight_layout(rect=(0, 0.9 / figure.get_size_inches()[1] * 0.6, 1, 1))
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, format=path.suffix.removeprefix("."))
    plt.close(figure)


type Bar = tuple[float, float, str, bool]
"""Start hour, length in hours, activity, whether routing may assign work."""


def _by_day(bookings: Sequence[Json], zone: ZoneInfo) -> dict[date, dict[str, list[Bar]]]:
    """Bars by local day and agent; a booking over midnight has a bar on each of its days."""
    days: defaultdict[date, defaultdict[str, list[Bar]]] = defaultdict(lambda: defaultdict(list))
    for booking in bookings:
        start, end = (datetime.fromisoformat(booking[key]).astimezone(zone) for key in ("starttime", "endtime"))
        kind = booking["msdyn_shiftactivitytype"]
        while start < end:
            midnight = datetime.combine(start.date() + timedelta(days=1), time(), zone)
            stop = min(end, midnight, key=lambda moment: moment.astimezone(UTC))
            bar = (_hour(start), _wall_hours(start, stop), kind["msdyn_name"],
                   kind["msdyn_shiftassignmentstatus"] == AVAILABLE)  # fmt: skip
            days[start.date()][booking["Resource"]["name"]].append(bar)
            start = stop
    shown = sorted(days)[:MAX_DAYS]
    return {day: dict(sorted(days[day].items())[:MAX_AGENTS]) for day in shown}


def _hour(moment: datetime) -> float:
    return moment.hour + moment.minute / 60


def _wall_hours(start: datetime, stop: datetime) -> float:
    end = 24.0 if stop.date() > start.date() else _hour(stop)
    return max(end - _hour(start), 0.1)


def _colours(bookings: Sequence[Json]) -> dict[str, tuple[str, bool]]:
    kinds = {item["msdyn_shiftactivitytype"]["msdyn_name"]: item["msdyn_shiftactivitytype"] for item in bookings}
    ready = sorted(name for name, kind in kinds.items() if kind["msdyn_shiftassignmentstatus"] == AVAILABLE)
    other = sorted(kinds.keys() - set(ready))
    return {
        **{name: (_ASSIGNABLE_COLOURS[n % len(_ASSIGNABLE_COLOURS)], True) for n, name in enumerate(ready)},
        **{name: (_OTHER_COLOURS[n % len(_OTHER_COLOURS)], False) for n, name in enumerate(other)},
    }


def _edge(ready: bool) -> Json:
    return {"edgecolor": "white", "linewidth": 0.8, **({} if ready else {"hatch": "////"})}


def _draw_day(axis: Any, day: date, agents: dict[str, list[Bar]], colours: dict[str, tuple[str, bool]]) -> None:
    for line, bars in enumerate(agents.values()):
        for start, hours, name, ready in bars:
            axis.barh(line, hours, left=start, height=0.7, color=colours[name][0], **_edge(ready))
    axis.set_yticks(range(len(agents)), agents.keys())
    axis.invert_yaxis()
    axis.set_xlim(0, 24)
    axis.set_xticks(range(0, 25, 2), [f"{hour:02}:00" for hour in range(0, 25, 2)], fontsize=8)
    axis.set_title(f"{day:%A %d %B %Y}", loc="left", fontsize=10)
    axis.grid(axis="x", color="#dddddd", linewidth=0.6)
    axis.set_axisbelow(True)
    for side in ("top", "right", "left"):
        axis.spines[side].set_visible(False)
