"""What the topics compute from what they measured, and the conditions under which they measure."""

from typing import Any

import pytest

from benchmarks.bulk import MisusedPeerError, check_use
from benchmarks.clients import BULK_PEERS, OURS, Use
from benchmarks.environments import DRAWN, LARGE, SLOW, SMALL, Kind, Shape, drawn, probe_job
from benchmarks.lookup import look_up_queries
from benchmarks.probe import Width
from benchmarks.runs import Run
from benchmarks.simulator import Landed
from benchmarks.start import app_ms, read_import_times
from benchmarks.storm import recovery_s

SHAPES = [drawn(seed) for seed in range(1, DRAWN + 1)]
SDK = next(client for client in BULK_PEERS if client.requests == 29)


def landed(**changes: Any) -> Landed:
    return Landed(**{"requests": 29, "created": 20_000, "updated": 0, "throttled": 0, "messages": {}, **changes})


RUN = Run(wall_s=1.0, cpu_s=0.1, peak_mb=80.0, connections=8, said={})


def test_a_peer_that_does_what_it_did_before_counts() -> None:
    check_use(SDK, RUN, landed())


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({"requests": 28}, id="another number of requests: another way of use"),
        pytest.param({"created": 19_000}, id="records are missing"),
        pytest.param({"updated": 1}, id="a record was written twice"),
    ],
)
def test_a_peer_that_is_misused_is_noticed(changes: dict[str, int]) -> None:
    with pytest.raises(MisusedPeerError, match="official SDK"):
        check_use(SDK, RUN, landed(**changes))


def test_every_peer_has_its_number_of_requests_and_ours_has_none() -> None:
    assert all(client.requests for client in BULK_PEERS)
    assert OURS.requests is None
    assert OURS.options == {}, "our client is told nothing"
    assert {Use.DOCUMENTED, Use.TUNED, Use.PLAIN} == {client.use for client in BULK_PEERS}


def test_drawn_environments_are_the_same_in_every_run_and_within_their_ranges() -> None:
    assert [drawn(seed) for seed in range(1, DRAWN + 1)] == SHAPES
    for shape in SHAPES:
        assert 4 <= shape.width <= 52
        assert 1 <= shape.record_ms <= 30
        assert 0 < shape.records <= 20_000


def test_drawn_environments_hold_every_kind_every_hint_and_changes() -> None:
    assert {shape.kind for shape in SHAPES} == set(Kind)
    hints = {"right" if shape.right_hint else "wrong" if shape.hint else "absent" for shape in SHAPES}
    assert hints == {"right", "wrong", "absent"}
    assert all(shape.hint != shape.width for shape in SHAPES if not shape.right_hint)
    assert 3 <= sum(shape.changed is not None for shape in SHAPES) <= 17


def test_a_right_hint_stays_right_when_the_width_changes() -> None:
    shape = Shape("changing", Kind.REFUSES, 10, 2.0, 10, changed=(1.0, 20), right_hint=True)
    assert shape.settings(20) == {"maxConcurrent": 20, "slots": 52, "bulkRecordMs": 2.0, "dopHint": 20}
    assert SLOW.settings(5) == {"maxConcurrent": 52, "slots": 5, "bulkRecordMs": 25.0, "dopHint": 52}


@pytest.mark.parametrize(("shape", "limit_s"), [(LARGE, 0.829), (SMALL, 4.12), (SLOW, 100.06)])
def test_the_published_shapes_have_their_known_limits(shape: Shape, limit_s: float) -> None:
    assert shape.limit_s == pytest.approx(limit_s, abs=0.001)


def test_the_probe_fills_a_queue_but_never_passes_a_width_that_refuses() -> None:
    assert probe_job(SMALL)["widths"] == [(0.0, 10)]
    assert probe_job(SLOW)["widths"] == [(0.0, 52)]


async def test_the_probe_lets_only_the_allowed_number_through() -> None:
    width = Width([(0.0, 2), (3600.0, 50)])
    width.start()
    async with width, width:
        assert width.full
    assert not width.full


def test_peers_are_asked_the_same_question_in_pieces() -> None:
    contact, account, lead = look_up_queries("+358504545641")
    assert [query["table"] for query in (contact, account, lead)] == ["contact", "account", "lead"]
    assert "@p" not in contact["filter"]
    assert "startswith(mobilephone,'+358504545641')" in contact["filter"]
    assert "PropertyName='mobilephone'" in contact["filter"]
    assert "PropertyName='mobilephone'" not in account["filter"]
    assert contact["select"][0] == "contactid"


def test_the_recovery_is_the_first_stretch_of_seconds_at_the_wanted_speed() -> None:
    slow = [(13.0, 90_000), (14.0, 100_000), (15.0, 100_000), (16.0, 110_000)]
    steps = [(17.0, 120_000), (18.0, 172_000), (19.0, 172_000), (20.0, 172_000), (21.0, 224_000)]
    assert recovery_s([*slow, *steps], 14.0, 25_000) == 3.0


def test_a_speed_that_does_not_come_back_is_never() -> None:
    assert recovery_s([(14.0, 100_000), (20.0, 150_000), (32.9, 299_000)], 14.0, 25_000) == float("inf")


def test_import_times_are_read_from_what_the_interpreter_prints() -> None:
    text = (
        "import time: self [us] | cumulative | imported package\n"
        "import time:       120 |        120 |   _io\n"
        "import time:       880 |       1000 | io\n"
        "import time:      5000 |     402000 | function_app\n"
    )
    imported = read_import_times(text)
    assert [(module.name, module.own_us, module.total_us) for module in imported][:2] == [
        ("_io", 120, 120),
        ("io", 880, 1000),
    ]
    assert app_ms(imported) == 402
