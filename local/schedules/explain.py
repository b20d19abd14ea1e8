"""A guess in words, beside its JSON: what was recognised, what is unsure, five rows as a check, what to do next."""

import re
import shlex
from pathlib import Path

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from functions.schedule_import.profile import is_profile_name, time_zone
from functions.schedule_import.reading.segments import Reading
from local.schedules.guessing.guess import Guess
from local.schedules.preview_json import FIRST_SEGMENTS

_PYTHON = ".venv/bin/python -m local.schedules"


def explain(guess: Guess, path: Path, console: Console) -> None:
    """Print all that stands behind the proposal."""

    def say(text: str, style: str | None = None) -> None:
        console.print(text, style=style, markup=False, soft_wrap=True)

    proposal = guess.proposal
    say(f"Found in {path.name}:", "bold")
    for line in proposal.found:
        say(f"  {line}")
    if proposal.doubts:
        say("Unsure, look at each:", "bold yellow")
        for number, doubt in enumerate(proposal.doubts, 1):
            say(f"  {number}. {doubt.about}: {doubt.text.rstrip('.')}.")
    else:
        say("Nothing is unsure.", "bold")
    if guess.reading is not None:
        _check(guess.reading, guess.zone, console)
    elif guess.problem:
        say(f"It cannot be read back yet: {guess.problem}.")
    name = _profile_name(path, proposal.document["extends"])
    document = f"local/config/schedule-profiles/{name}.json"
    zone = proposal.document.get("timeZone")
    given = f" --time-zone {shlex.quote(zone)}" if zone else ""
    file = shlex.quote(str(path))
    say(f"Next: save the JSON as {document}, edit what is unsure, and look at what it reads:", "bold")
    say(f"  mkdir -p local/config/schedule-profiles && {_PYTHON} guess {file}{given} > {document}")
    say(f"  {_PYTHON} preview {file} --profile {name}")


def _check(reading: Reading, zone: str | None, console: Console) -> None:
    agents = {(segment.identity, segment.agent) for segment in reading.segments}
    stand_in = f", as if its times were of {zone}" if zone else ""
    names = "agent" if len(agents) == 1 else "agents"
    console.print(
        f"Read back{stand_in}: {reading.rows:,} rows, {len(reading.segments):,} segments, {len(agents):,} {names}; "
        "the first ones:",
        style="bold",
        soft_wrap=True,
    )
    table = Table(
        "line", "agent", "start (local)", "end (local)", "time zone", "activity", "start (UTC)", show_edge=False
    )
    for one in reading.segments[:FIRST_SEGMENTS]:
        local = time_zone(one.time_zone or "UTC")
        table.add_row(
            str(one.row), escape(one.agent), f"{one.start.astimezone(local):%a %Y-%m-%d %H:%M}",
            f"{one.end.astimezone(local):%a %Y-%m-%d %H:%M}", one.time_zone or "offset", escape(one.activity),
            f"{one.start:%Y-%m-%d %H:%M}",
        )  # fmt: skip
    console.print(table)


def _profile_name(path: Path, extends: str) -> str:
    """A folder's name for the profile: the built-in's, or what the file's name begins with."""
    if extends != "switchboard-csv":
        return extends
    words = re.findall(r"[a-z]+", path.stem.casefold())[:3]
    name = "-".join(words)[:50] or "my-layout"
    return name if is_profile_name(name) else "my-layout"
