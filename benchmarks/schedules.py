"""A week of 10,000 agents through the real app: dropped as a blob, found by the trigger, planned, written, reported.

The first load; the same content again; again with the app's memory of imports emptied; 2 % of the rows changed; and
`.force` after somebody has edited and deleted bookings by hand. Each layout has an app of its own.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from benchmarks.bench import Bench
from benchmarks.report import Metric, Section, Table, bounded
from benchmarks.simulator import PUBLISHED
from benchmarks.weeks import SEGMENTS_A_WEEK, Layout, Week, agents_csv, email, export, full_name, next_monday, site
from benchmarks.whole_app import Import, WholeApp, running_app

AGENTS = 10_000
QUICK_AGENTS = 1_000
CHANGED_SHARE = 0.02
HAND_EDITED, HAND_DELETED = 700, 300
MOST_BYTES = 128 * 1024 * 1024
"""SCHEDULE_MAX_BYTES: the Talkdesk export of such a week has 86 MB, more than the default takes."""

MOST_CPU_S = 60
MOST_MB = 512
MOST_REQUESTS = 4_000
MOST_WRITES = 100
ROWS_A_PAGE = 5_000
"""Rows in a page of Dataverse ("Page results")."""

QUARTERS = {Layout.SWITCHBOARD: (3, 0, 3), Layout.TALKDESK: (1, 2, 1)}
"""Bookings created, updated and deleted, in quarters of the changed rows: moved, of another activity, removed, added.
Where rows have no id of their own, one that moved or is of another activity is another booking."""

FIRST, SAME, EMPTIED, CHANGED, FORCED = (
    "first load",
    "same content again",
    "same content, tables emptied",
    "2 % of the rows changed",
    "forced after 1,000 edits by hand",
)


@dataclass(frozen=True, slots=True)
class Deliveries:
    """What became of the deliveries of one layout, by their names."""

    layout: Layout
    agents: int
    imports: dict[str, Import]

    @property
    def rows(self) -> int:
        """Rows of the file."""
        return self.agents * SEGMENTS_A_WEEK

    @property
    def changed(self) -> int:
        """Bookings that the changed file makes different."""
        return round(self.rows * CHANGED_SHARE)


def measure(bench: Bench) -> Section:
    """Every layout."""
    agents = QUICK_AGENTS if bench.quick else AGENTS
    measured = [_deliver_all(layout, agents, bench.say) for layout in Layout]
    metrics = [metric for deliveries in measured for metric in _metrics(deliveries)]
    notes = (
        "The processor time and the peak are those of the functions host with its worker, the trigger's copy of the "
        "file and the writing included.",
    )
    return Section("schedules", tuple(metrics), (_table(measured),), notes)


def prepare_site(app: WholeApp, layout: Layout, agents: int) -> None:
    """The agents are users of Dynamics, and the site has told what its layout leaves open."""
    app.plant("systemusers", users(agents))
    if layout is Layout.TALKDESK:
        zone = {"extends": layout.value, "timeZone": site(0)[1]}
        app.configure(f"schedule-profiles/{layout.value}.json", json.dumps(zone).encode())
        app.configure("agents.csv", agents_csv(agents))


def users(agents: int) -> list[dict[str, Any]]:
    """The users behind the agents."""
    return [
        {
            "systemuserid": f"0a6e0000-0000-4000-8000-{agent:012x}",
            "fullname": full_name(agent),
            "internalemailaddress": email(agent),
            "isdisabled": False,
        }
        for agent in range(agents)
    ]


def _deliver_all(layout: Layout, agents: int, say: Callable[[str], None]) -> Deliveries:
    path = f"{layout.value}/week.csv"
    week = Week(next_monday(), agents)
    imports: dict[str, Import] = {}
    with running_app(SCHEDULE_MAX_BYTES=str(MOST_BYTES)) as app:
        prepare_site(app, layout, agents)
        content = export(week, layout)

        def deliver(name: str, file: str, data: bytes) -> None:
            say(f"{layout.value}, {agents * SEGMENTS_A_WEEK:,} rows: {name}")
            imports[name] = app.deliver(file, data)

        deliver(FIRST, path, content)
        deliver(SAME, path, content)
        app.empty_tables()
        deliver(EMPTIED, path, content)
        del content
        deliver(CHANGED, path, export(Week(week.monday, agents, CHANGED_SHARE), layout))
        _edit_by_hand(app)
        deliver(FORCED, f"{path}.force", b"")
    return Deliveries(layout, agents, imports)


def _edit_by_hand(app: WholeApp) -> None:
    """Somebody makes bookings end a minute later, and deletes others."""
    app.control("environment", {"latencyMs": 0, "singleWriteMs": 0})
    found = app.bookings(HAND_EDITED + HAND_DELETED)
    edited = [
        {
            "bookableresourcebookingid": row["bookableresourcebookingid"],
            "endtime": (datetime.fromisoformat(row["endtime"]) + timedelta(minutes=1)).strftime("%Y-%m-%dT%H:%M:%SZ"),
        }
        for row in found[:HAND_EDITED]
    ]
    app.plant("bookableresourcebookings", edited)
    for row in found[HAND_EDITED:]:
        app.delete_booking(row["bookableresourcebookingid"])
    app.control("environment", PUBLISHED)


# --------------------------------------------------------------------------------------------------- figures


def _metrics(deliveries: Deliveries) -> list[Metric]:
    layout, rows, done = deliveries.layout.value, deliveries.rows, deliveries.imports
    first, same, emptied, changed, forced = (done[name] for name in (FIRST, SAME, EMPTIED, CHANGED, FORCED))
    untouched = sum(not delivery.traffic.writes for delivery in (same, emptied))
    arrived, asked = _as_expected(deliveries.layout, changed, deliveries.changed)
    put_back = forced.traffic.updated + forced.traffic.created
    return [
        bounded(
            f"{layout}: CPU s of the app, worst import", max(one.cpu_s for one in done.values()), MOST_CPU_S, "lower"
        ),
        bounded(f"{layout}: peak MB of the app", max(one.peak_mb for one in done.values()), MOST_MB, "lower"),
        bounded(f"{layout}: bookings after the first load", first.traffic.created, rows, "higher"),
        bounded(f"{layout}: requests of the first load", first.traffic.requests, MOST_REQUESTS, "lower"),
        bounded(f"{layout}: unchanged files that write nothing, of 2", untouched, 2, "higher"),
        bounded(f"{layout}: known content that asks nothing, of 1", int(not same.traffic.requests), 1, "higher"),
        bounded(
            f"{layout}: reads of an unchanged file / pages of its scope",
            emptied.traffic.reads,
            -(-rows // ROWS_A_PAGE),
            "lower",
        ),
        bounded(f"{layout}: write requests, 2 % changed", changed.traffic.writes, MOST_WRITES, "lower"),
        bounded(f"{layout}: bookings written, 2 % changed", arrived, asked, "higher"),
        bounded(f"{layout}: edits by hand put back by force", put_back, HAND_EDITED + HAND_DELETED, "higher"),
    ]


def _as_expected(layout: Layout, changed: Import, rows_changed: int) -> tuple[int, int]:
    """Bookings created, updated and deleted as the changed rows ask for it, and how many that have to be."""
    traffic, quarter = changed.traffic, rows_changed // 4
    done = traffic.created, traffic.updated, traffic.deleted
    asked = tuple(quarters * quarter for quarters in QUARTERS[layout])
    return sum(map(min, done, asked)), sum(asked)


def _table(measured: list[Deliveries]) -> Table:
    columns = (
        "file",
        "delivery",
        "status",
        "reads",
        "writes",
        "created",
        "updated",
        "deleted",
        "wall s",
        "CPU s",
        "peak MB",
        "rows/s",
    )
    rows = [
        (deliveries.layout.value, name, *_cells(one, deliveries.rows))
        for deliveries in measured
        for name, one in deliveries.imports.items()
    ]
    title = f"{measured[0].rows:,} rows of {measured[0].agents:,} agents, 60 ms latency, 2 ms a record, 52 at once"
    return Table(
        title, columns, tuple(rows), "From the drop until the file has left the inbox; counts of the simulator."
    )


def _cells(one: Import, rows: int) -> tuple[str, ...]:
    traffic = one.traffic
    return (
        str(one.report["status"]),
        *(f"{count:,}" for count in (traffic.reads, traffic.writes, traffic.created, traffic.updated, traffic.deleted)),
        f"{one.wall_s:.1f}",
        f"{one.cpu_s:.1f}",
        f"{one.peak_mb:.0f}",
        f"{rows / one.wall_s:,.0f}",
    )
