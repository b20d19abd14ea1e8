"""`python -m local.schedules preview FILE --profile P` and `python -m local.schedules guess FILE`.

Exit codes: 0 the file can be read (preview), a profile is proposed (guess); 1 it cannot, the reason is printed; 2 the
command was called in a wrong way.
"""

import argparse
import json
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from rich.console import Console

from functions.schedule_import.reading.segments import Reading, UnreadableFileError
from local.schedules.explain import explain
from local.schedules.guessing.guess import guess
from local.schedules.guessing.sniffing import GuessError
from local.schedules.opening import read_file
from local.schedules.preview import Preview, look_at
from local.schedules.preview_json import as_json
from local.schedules.show import Shower
from local.schedules.site import CONFIG, ROOT, Site, UsageError, agent_directory, known_zone, schedule_file, site
from shared.settings import Settings

BUILD = ROOT / "build" / "schedules"
_WIDTH_OF_A_PIPE = 140
_LARGE_SEGMENTS = 50_000


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command and say how it went by the exit code."""
    arguments = _parser().parse_args(argv)
    try:
        if arguments.command == "preview":
            return _preview(arguments)
        return _guess(arguments)
    except UsageError as error:
        print(error, file=sys.stderr)
        return 2


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m local.schedules", description="Look at a schedule file before it is dropped."
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="preview | guess")
    preview = commands.add_parser("preview", help="what the app would read from a file")
    preview.add_argument(
        "--profile", required=True, metavar="NAME", help="schedule profile, or a site document (.json)"
    )
    preview.add_argument("--picture", type=Path, metavar="PATH", help="where the picture goes (.png, .svg, .pdf)")
    preview.add_argument(
        "--json", action="store_true", help="print JSON instead of tables (a picture only with --picture)"
    )
    preview.add_argument("--all", action="store_true", help="print every line of every table")
    guess = commands.add_parser("guess", help="propose a profile for an unknown file, as JSON to edit")
    for each in (preview, guess):
        each.add_argument("file", type=Path, metavar="FILE")
        each.add_argument(
            "--config", type=Path, default=CONFIG, metavar="DIR",
            help="folder with schedule-profiles/ and agents.csv (default: local/config)",
        )  # fmt: skip
        each.add_argument("--time-zone", metavar="ZONE", help="zone of local times, such as Europe/Helsinki")
    return parser


# ---------------------------------------------------------------------------------------------------------- preview


def _preview(arguments: argparse.Namespace) -> int:
    path = schedule_file(arguments.file)
    picture = _picture_path(arguments)
    found = site(arguments.profile, arguments.config, arguments.time_zone)
    try:
        reading = read_file(path, found.profile)
    except UnreadableFileError as error:
        return _rejected(str(error), as_json=arguments.json)
    directory = None if found.directory_problem else found.directory
    _tell(f"Read {reading.rows:,} rows; looking at {len(reading.segments):,} segments...", reading)
    preview = look_at(reading, found.profile, directory, datetime.now(UTC))
    preview.notes += _notes(path)
    _tell("Drawing the picture...", reading)
    drawn = _draw(preview, path, picture) if picture and preview.segments else None
    if arguments.json:
        document = as_json(preview) | {"picture": str(drawn) if drawn else None}
        print(json.dumps(document, ensure_ascii=False, indent=1))
        return 0
    _show(preview, found, path, drawn, everything=arguments.all)
    return 0


def _tell(text: str, reading: Reading) -> None:
    """Progress of a large file, on standard error."""
    if len(reading.segments) >= _LARGE_SEGMENTS:
        print(text, file=sys.stderr, flush=True)


def _picture_path(arguments: argparse.Namespace) -> Path | None:
    given: Path | None = arguments.picture
    if given is None:
        return None if arguments.json else BUILD / f"{arguments.file.name}.png"
    if given.suffix.lower() not in {".png", ".svg", ".pdf"}:
        raise UsageError(f"--picture {given}: the name must end in .png, .svg or .pdf")
    return given


def _draw(preview: Preview, path: Path, picture: Path) -> Path:
    # Loaded only now: drawing takes longer to load than a small file to read.
    from local.schedules.picture import draw

    try:
        draw(preview, f"{path.name} read as {preview.profile.name}", picture)
    except OSError as error:
        raise UsageError(f"the picture cannot be written to {picture}: {error.strerror}") from None
    return picture


def _notes(path: Path) -> list[str]:
    limit = Settings.model_fields["schedule_max_bytes"].default
    if path.stat().st_size > limit:
        return [f"the file is larger than the {limit // 2**20} MiB that the app takes; raise SCHEDULE_MAX_BYTES"]
    return []


def _rejected(reason: str, *, as_json: bool) -> int:
    if as_json:
        print(json.dumps({"readable": False, "reason": reason}, ensure_ascii=False, indent=1))
    else:
        print(f"The file would be rejected: {reason.rstrip('.')}.", file=sys.stderr)
        if "timeZone" in reason:
            print("To try a zone out: --time-zone Europe/Helsinki (yours).", file=sys.stderr)
    return 1


def _show(preview: Preview, found: Site, path: Path, drawn: Path | None, *, everything: bool) -> None:
    console = Console(highlight=False, width=None if sys.stdout.isatty() else _WIDTH_OF_A_PIPE)
    Shower(console, everything=everything).show(preview, found, path)
    console.print()
    console.print("Dynamics was not asked: whether it has these agents, activity types and bookings shows on import.")
    if drawn:
        console.print(f"A picture of it: [link={drawn.absolute().as_uri()}]{drawn}[/link]", soft_wrap=True)


# ------------------------------------------------------------------------------------------------------------ guess


def _guess(arguments: argparse.Namespace) -> int:
    path = schedule_file(arguments.file)
    zone = known_zone(arguments.time_zone) if arguments.time_zone else None
    directory, _ = agent_directory(arguments.config, ())
    try:
        found = guess(path, directory, zone)
    except GuessError as error:
        print(f"No profile can be proposed: {str(error).rstrip('.')}.", file=sys.stderr)
        return 1
    console = Console(stderr=True, highlight=False, width=None if sys.stderr.isatty() else _WIDTH_OF_A_PIPE)
    explain(found, path, console)
    print(json.dumps(found.proposal.ordered(), ensure_ascii=False, indent=2))
    return 0


if __name__ == "__main__":
    sys.exit(main())
