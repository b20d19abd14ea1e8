"""What is written about the benchmarks agrees with them."""

import json
import re

from benchmarks.__main__ import PEERS_IN, TOPICS, read_arguments
from benchmarks.places import FOLDER, PEERS_SOURCE
from benchmarks.report import BEGIN, END, Metric, metric_row

README = (FOLDER / "README.md").read_text("utf-8")


def test_the_readme_says_what_each_topic_asks() -> None:
    assert re.findall(r"^\| `([a-z-]+)` \|", README, re.MULTILINE) == list(TOPICS)
    assert set(TOPICS) > PEERS_IN


def test_the_recorded_results_are_those_of_the_readme() -> None:
    results = json.loads((FOLDER / "results.json").read_text("utf-8"))
    told = README.partition(BEGIN)[2].partition(END)[0]
    for result in results:
        metric = Metric(**result)
        assert metric.metric in told
        verdict = metric_row(metric)[-2:]
        row = next(line for line in told.splitlines() if line.startswith(f"| {metric.metric} |"))
        assert row.endswith(f"| {verdict[0]} | {verdict[1]} |"), metric.metric


def test_every_peer_is_pinned_with_hashes_and_no_address_of_a_registry() -> None:
    wanted = re.findall(r"^([\w-]+==[\w.]+)", (PEERS_SOURCE / "requirements.in").read_text("utf-8"), re.MULTILINE)
    locked = (PEERS_SOURCE / "requirements.txt").read_text("utf-8")
    assert wanted
    assert all(f"{pin} \\\n    --hash=sha256:" in locked for pin in wanted)
    assert "://" not in locked
    package = json.loads((PEERS_SOURCE / "package.json").read_text("utf-8"))
    lock = json.loads((PEERS_SOURCE / "package-lock.json").read_text("utf-8"))
    assert lock["packages"][""]["dependencies"] == package["dependencies"]
    assert all("resolved" not in entry for entry in lock["packages"].values())


def test_a_run_of_some_topics_is_asked_for_by_name() -> None:
    arguments = read_arguments(["--only", "lookup", "storm", "--rounds", "5"])
    assert (arguments.only, arguments.rounds, arguments.seed) == (["lookup", "storm"], 5, 1)
