"""How metrics are made, judged and written down."""

import json
from pathlib import Path

import pytest

from benchmarks import report
from benchmarks.report import BEGIN, END, Metric, Section, Table, bounded, compared, least, number

SECTION = Section(
    "bulk",
    (Metric("records/s", 20_000.5, 10_000.0, 2.00005, "higher"), Metric("wall s", 1.5, 1.0, 1.5, "lower")),
    (Table("Clients", ("client", "wall s"), (("ours", "1.5"),), "Best of three."),),
    ("Without peers.",),
)


def test_a_ratio_is_the_median_of_the_pairs_and_not_the_ratio_of_medians() -> None:
    metric = compared("wall", [(1, 1), (10, 5), (9, 3)], "lower")
    assert (metric.ours, metric.reference, metric.ratio) == (9, 3, 2)


def test_the_factor_that_is_asked_for_is_part_of_the_reference() -> None:
    metric = compared("records/s", [(16_000, 3_000)], "higher", 5)
    assert (metric.reference, metric.met) == (15_000, True)
    assert metric.ratio == pytest.approx(16 / 15)


@pytest.mark.parametrize(
    ("ours", "bound", "better", "met"),
    [
        pytest.param(250, 250, "lower", True, id="a bound is kept when it is reached"),
        pytest.param(251, 250, "lower", False, id="above an upper bound"),
        pytest.param(0, 21, "lower", True, id="nothing at all"),
        pytest.param(999, 999, "higher", True, id="all of them"),
        pytest.param(998, 999, "higher", False, id="below a lower bound"),
        pytest.param(float("inf"), 10, "lower", False, id="never"),
    ],
)
def test_a_bound_is_kept(ours: float, bound: float, better: report.Better, met: bool) -> None:
    assert bounded("metric", ours, bound, better).met is met


def test_processor_time_is_the_minimum_of_each_side() -> None:
    assert least("CPU", [3.0, 1.0], [4.0, 2.0]).ratio == 0.5


@pytest.mark.parametrize(
    ("value", "text"),
    [(20_000, "20,000"), (23_865.4, "23,865"), (1.2345, "1.23"), (12.0, "12"), (0.0512, "0.0512"), (308.3, "308")],
)
def test_numbers_keep_three_digits(value: float, text: str) -> None:
    assert number(value) == text


def test_results_are_a_list_with_the_five_agreed_fields() -> None:
    rows = json.loads(report.results_json([report.entry(SECTION)]))
    assert [set(row) for row in rows] == [{"metric", "ours", "reference", "ratio", "better"}] * 2
    assert rows[0]["ratio"] == 2.0


def test_results_that_are_no_number_do_not_break_the_file() -> None:
    metric = bounded("seconds", float("inf"), 10, "lower")
    assert json.loads(report.results_json([report.entry(Section("storm", (metric,)))]))[0]["ours"] is None


def test_the_readme_keeps_its_words_and_gets_the_tables() -> None:
    entries = [report.entry(SECTION)]
    written = report.with_results(f"# Title\n{BEGIN}\nold\n{END}\nrest\n", entries, "2 cores")
    assert written.startswith("# Title\n")
    assert written.endswith("rest\n")
    assert "old" not in written
    assert "| records/s | 20,000 | 10,000 | 2.00 | higher | yes |" in written
    assert "| wall s | 1.5 | 1 | 1.50 | lower | **no** |" in written
    assert 'make bench ARGS="--only bulk"' in written
    assert report.with_results(written, entries, "2 cores") == written


def recorded_folder(folder: Path) -> Path:
    """`bulk` and `storm` are recorded there."""
    (folder / "README.md").write_text(f"# Title\n{BEGIN}\n{END}\nrest\n")
    (folder / "results.json").write_text("[]")
    storm = Section("storm", (Metric("seconds", 4.0, 5.0, 0.8, "lower"),), notes=("A word.",))
    assert report.record({"bulk": SECTION, "storm": storm}, "2 cores", folder) == []
    return folder


def test_a_topic_that_was_not_measured_keeps_what_is_recorded(tmp_path: Path) -> None:
    folder = recorded_folder(tmp_path)
    before = (folder / "README.md").read_text(), (folder / "results.json").read_text()
    assert report.record({"bulk": None, "storm": None}, "2 cores", folder) == []
    assert before == ((folder / "README.md").read_text(), (folder / "results.json").read_text())
    faster = Section("storm", (Metric("seconds", 3.0, 5.0, 0.6, "lower"),))
    assert report.record({"bulk": None, "storm": faster}, "2 cores", folder) == []
    text, rows = (folder / "README.md").read_text(), json.loads((folder / "results.json").read_text())
    assert "| records/s | 20,000 | 10,000 | 2.00 | higher | yes |" in text
    assert "| seconds | 3 | 5 | 0.60 | lower | yes |" in text
    assert "A word." not in text
    assert [(row["metric"], row["ratio"]) for row in rows] == [("records/s", 2.0), ("wall s", 1.5), ("seconds", 0.6)]


@pytest.mark.parametrize(
    ("topics", "machine", "unknown"),
    [(("bulk", "lookup"), "2 cores", ["lookup"]), (("bulk", "storm"), "4 cores", ["bulk", "storm"])],
)
def test_nothing_is_recorded_while_a_topic_is_unknown(
    topics: tuple[str, ...], machine: str, unknown: list[str], tmp_path: Path
) -> None:
    folder = recorded_folder(tmp_path)
    before = (folder / "README.md").read_text()
    assert report.record(dict.fromkeys(topics), machine, folder) == unknown
    assert (folder / "README.md").read_text() == before


def test_a_readme_without_markers_is_left_alone() -> None:
    with pytest.raises(ValueError, match="markers"):
        report.with_results("# Title\n", [], "2 cores")


def test_what_a_topic_found_is_found_again(tmp_path: Path) -> None:
    report.save(SECTION, tmp_path)
    assert report.load("bulk", tmp_path) == SECTION
    assert report.load("lookup", tmp_path) is None
