"""One row that Dataverse refuses, among a thousand: what finding it costs, and whether the others arrive."""

from benchmarks.bench import Bench
from benchmarks.clients import OURS
from benchmarks.report import Section, Table, bounded
from benchmarks.rows import BOOKING_ID, bookings

ROWS = 1000
MOST_MORE = 21
POSITIONS = (0, 137, 500, 999)


def measure(bench: Bench) -> Section:
    """The same thousand rows without a bad one, and with one at each of some positions."""
    run, landed = bench.write(OURS, {"rows": ROWS}, {})
    clean = landed.requests
    rows = []
    for position in POSITIONS:
        run, landed = bench.write(OURS, {"rows": ROWS, "bad": [position]}, {})
        named = run.said.get("failed") == [next(bookings(1, position))[BOOKING_ID]]
        rows.append((position, landed.requests - clean, landed.created, named))
    metrics = (
        bounded(
            "requests more for one bad row in 1,000, worst position", max(row[1] for row in rows), MOST_MORE, "lower"
        ),
        bounded("good rows landed beside one bad row in 1,000", min(row[2] for row in rows), ROWS - 1, "higher"),
        bounded("bad rows named, of those planted", sum(row[3] for row in rows), len(rows), "higher"),
    )
    table = Table(
        "One bad row in 1,000",
        ("position of the bad row", "requests more", "rows landed", "bad row named"),
        tuple(
            (str(position), str(more), str(there), "yes" if named else "no") for position, more, there, named in rows
        ),
        f"Without a bad row: {clean} requests.",
    )
    return Section("bad-rows", metrics, (table,))
