"""The picture of a preview: how many agents routing may give work, hour by hour, and the first days agent by agent.

Days are drawn in elapsed hours from local midnight and labelled with the clock, so that the nights on which it is put
forward or back are as long as they are.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from functions.schedule_import.profile import time_zone
from functions.schedule_import.reading.segments import Segment
from local.schedules.preview import ActivitySummary, Preview

MAX_DAYS, MAX_AGENTS, MAX_OVERVIEW_DAYS = 7, 40, 62
_HOUR = timedelta(hours=1)
_ASSIGNABLE = ("#1b7f79", "#2f6fb5", "#5a9a3b", "#7c5cb8", "#0f5c8c", "#3f8f6b")
_OTHER = ("#e0a458", "#d98c7a", "#c9b79c", "#b5b5b5", "#a3b8cc", "#d4c2d9")
_UNKNOWN = "#d62839"
_MAX_NAMED = 12
"""Activities in the legend."""

type Style = dict[str, Any]


class Bar(NamedTuple):
    """Elapsed hours from the day's midnight, and what is drawn."""

    start: float
    hours: float
    activity: str


def draw(preview: Preview, title: str, path: Path) -> None:
    """Write the picture in the format of its suffix (PNG, SVG, PDF). Raises OSError, ValueError for another suffix."""
    import matplotlib as mpl

    mpl.use("agg")
    mpl.rcParams["svg.fonttype"] = "none"
    from matplotlib import pyplot as plt

    zone = time_zone(preview.home_zone)
    days = by_day(preview.segments, zone)
    styles = _styles(preview.activities)
    overview = _overview(preview, zone)
    heights = [max(0.2 * len(overview) + 0.5, 1.1)] + [0.42 * len(agents) + 0.55 for agents in days.values()]
    figure, axes = plt.subplots(
        len(heights), 1, figsize=(12.5, sum(heights) + 1.7), squeeze=False, gridspec_kw={"height_ratios": heights},
        layout="constrained",
    )  # fmt: skip
    _draw_overview(axes[0, 0], overview)
    for axis, (day, agents) in zip(axes[1:, 0], days.items(), strict=True):
        _draw_day(axis, day, agents, styles, zone)
    named = list(styles.items())[:_MAX_NAMED]
    handles = [mpl.patches.Patch(label=name, **style) for name, style in named]
    figure.legend(handles=handles, loc="outside lower center", ncols=min(6, max(len(handles), 1)), frameon=False)
    figure.suptitle(f"{title}\n{_subtitle(preview, days)}", fontsize=11)
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, format=path.suffix.removeprefix(".").lower(), dpi=110)
    plt.close(figure)


def _subtitle(preview: Preview, days: Mapping[date, Any]) -> str:
    fullest = max((len(agents) for agents in days.values()), default=0)
    parts = [f"hours in {preview.home_zone}", "hatched: routing assigns no work"]
    if any(each.assignable is None for each in preview.activities):
        parts.append("red: nobody has said what this activity is")
    if len(preview.days) > len(days):
        parts.append(f"agents of the first {len(days)} of {len(preview.days):,} days")
    if fullest == MAX_AGENTS < len(preview.agents):
        parts.append(f"at most {MAX_AGENTS} of {len(preview.agents):,} agents a day")
    return "; ".join(parts)


# ---------------------------------------------------------------------------------------------------- what is drawn


def midnight(day: date, zone: ZoneInfo) -> datetime:
    """When the local day begins, in UTC."""
    return datetime(day.year, day.month, day.day, tzinfo=zone).astimezone(UTC)


def by_day(segments: Sequence[Segment], zone: ZoneInfo) -> dict[date, dict[str, list[Bar]]]:
    """The bars of the first days, by local day and agent; a segment over midnight has one on each of its days."""
    shown = _first_days(segments, zone)
    days: dict[date, defaultdict[str, list[Bar]]] = {day: defaultdict(list) for day in shown}
    if not shown:
        return {}
    last = max(shown)
    for segment in segments:
        day = segment.start.astimezone(zone).date()
        if day > last:
            continue
        begins = midnight(day, zone)
        while begins < segment.end:
            after = midnight(day + timedelta(days=1), zone)
            start, end = max(segment.start, begins), min(segment.end, after)
            if day in days and end > start:
                days[day][segment.agent].append(Bar((start - begins) / _HOUR, (end - start) / _HOUR, segment.activity))
            day, begins = day + timedelta(days=1), after
            if day > last:
                break
    return {day: dict(sorted(agents.items())[:MAX_AGENTS]) for day, agents in days.items() if agents}


def _first_days(segments: Sequence[Segment], zone: ZoneInfo) -> list[date]:
    return sorted({segment.start.astimezone(zone).date() for segment in segments})[:MAX_DAYS]


def _overview(preview: Preview, zone: ZoneInfo) -> dict[date, list[float]]:
    """For each local day, the average number of agents open to routing in each of its elapsed hours."""
    assignable = {each.word for each in preview.activities if each.assignable}
    days = list(preview.days)[:MAX_OVERVIEW_DAYS]
    if not days:
        return {}
    first, last = days[0], min(days[-1], days[0] + timedelta(days=MAX_OVERVIEW_DAYS - 1))
    origin = midnight(first, zone)
    hours = round((midnight(last + timedelta(days=1), zone) - origin) / _HOUR)
    counts = [0.0] * hours
    for segment in preview.segments:
        if segment.activity not in assignable:
            continue
        start, end = (segment.start - origin) / _HOUR, (segment.end - origin) / _HOUR
        for hour in range(max(int(start), 0), min(hours, int(end) + 1)):
            counts[hour] += max(0.0, min(end, hour + 1) - max(start, hour))
    found: dict[date, list[float]] = {}
    day, position = first, 0
    while day <= last:
        length = round((midnight(day + timedelta(days=1), zone) - midnight(day, zone)) / _HOUR)
        found[day] = counts[position : position + length]
        day, position = day + timedelta(days=1), position + length
    return found


def _styles(activities: Sequence[ActivitySummary]) -> dict[str, Style]:
    styles: dict[str, Style] = {}
    ready = [each.word for each in activities if each.assignable]
    other = [each.word for each in activities if each.assignable is False]
    unknown = [each.word for each in activities if each.assignable is None]
    for number, word in enumerate(ready):
        styles[word] = {"facecolor": _ASSIGNABLE[number % len(_ASSIGNABLE)], "edgecolor": "white", "linewidth": 0.8}
    for number, word in enumerate(other):
        styles[word] = {"facecolor": _OTHER[number % len(_OTHER)], "edgecolor": "white", "linewidth": 0.8,
                        "hatch": "////"}  # fmt: skip
    for word in unknown:
        styles[word] = {"facecolor": "white", "edgecolor": _UNKNOWN, "linewidth": 1.0, "hatch": "xx"}
    return styles


# ----------------------------------------------------------------------------------------------------- how it is drawn


def _draw_overview(axis: Any, overview: Mapping[date, list[float]]) -> None:
    axis.set_title("agents whom routing may give work, by elapsed hour of the local day", loc="left", fontsize=10)
    width = max((len(hours) for hours in overview.values()), default=24)
    rows = [hours + [float("nan")] * (width - len(hours)) for hours in overview.values()] or [[0.0] * 24]
    image = axis.imshow(rows, aspect="auto", cmap="YlGnBu", vmin=0, extent=(0, width, len(rows), 0))
    step = max(1, len(rows) // 20)
    labels = [f"{day:%a %d %b}" for day in overview][::step]
    axis.set_yticks([0.5 + step * number for number in range(len(labels))], labels, fontsize=7)
    axis.set_xticks(range(0, width + 1, 2), [str(hour) for hour in range(0, width + 1, 2)], fontsize=8)
    axis.figure.colorbar(image, ax=axis, pad=0.01)


def _draw_day(
    axis: Any, day: date, agents: Mapping[str, list[Bar]], styles: Mapping[str, Style], zone: ZoneInfo
) -> None:
    begins = midnight(day, zone)
    length = (midnight(day + timedelta(days=1), zone) - begins) / _HOUR
    for line, bars in enumerate(agents.values()):
        for bar in bars:
            axis.barh(line, max(bar.hours, 0.05), left=bar.start, height=0.7, **styles[bar.activity])
    axis.set_yticks(range(len(agents)), [_short(agent) for agent in agents], fontsize=8)
    axis.invert_yaxis()
    axis.set_xlim(0, length)
    ticks = list(range(0, int(length) + 1, 2 if length == 24 else 1))
    labels = [f"{(begins + hour * _HOUR).astimezone(zone):%H:%M}" for hour in ticks]
    axis.set_xticks(ticks, labels, fontsize=8 if length == 24 else 6.5)
    odd = "" if length == 24 else f" - {length:g} hours: the clock changes"
    axis.set_title(f"{day:%A %d %B %Y}{odd}", loc="left", fontsize=10)
    axis.grid(axis="x", color="#dddddd", linewidth=0.6)
    axis.set_axisbelow(True)
    for side in ("top", "right", "left"):
        axis.spines[side].set_visible(False)


def _short(name: str) -> str:
    # A dollar sign would begin a formula.
    shown = name if len(name) <= 36 else f"{name[:35]}…"
    return shown.replace("$", r"\$")
