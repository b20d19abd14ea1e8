"""How a call's own time is told from what Dynamics took of it."""

from benchmarks.routing_beside_import import Answered, Call, percentile


def test_a_percentile_is_one_of_the_values() -> None:
    assert percentile([float(number) for number in range(100)], 0.99) == 99
    assert percentile([3.0, 1.0, 2.0], 0.5) == 2


def test_a_call_is_not_charged_with_what_a_bare_question_waits_too() -> None:
    calls = Answered((Call(80, 66, 5, 200), Call(580, 560, 5, 200), Call(300, 70, 5, 204)))
    assert calls.route_ms(0.99) == 580
    assert calls.own_ms(0.99, 66) == 296
    assert calls.own_ms(0.5, 66) == 86
    assert calls.routed == 2
