"""A file to a proposal: what container it is, whether a built-in layout has it, else a layout of its own."""

import json
import re
import zipfile
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from functions.schedule_import.profile import ProfileError, builtin_profile
from functions.schedule_import.profile.layout import BUILT_IN_IDENTITIES, DelimitedFormat
from functions.schedule_import.reading.agents_csv import AgentDirectory
from functions.schedule_import.reading.segments import Reading, UnreadableFileError
from functions.schedule_import.reading.text_encoding import kind_of_file
from local.schedules.guessing.known import (
    NO_FIRST_DAY,
    STAND_IN_DAY,
    STAND_IN_ZONE,
    UNREADABLE,
    Known,
    by_header,
    by_reading,
    readable_share,
    refused,
    resolved,
)
from local.schedules.guessing.proposal import Doubt, Proposal, say_activities, say_zone, source_of, unused
from local.schedules.guessing.reading import Table, read_table
from local.schedules.guessing.roles import Agent, Roles, roles_of
from local.schedules.guessing.sniffing import Encoding, GuessError, TextShape, encoding_of, shape_of
from local.schedules.guessing.spreadsheets import grid_of, header_of
from local.schedules.guessing.timing import Timing, best_timing
from local.schedules.guessing.trees import Place, json_places, xml_places
from local.schedules.guessing.values import Kinds
from local.schedules.opening import opened, read_file
from local.schedules.site import UsageError

_BASE = "switchboard-csv"
"""What a layout of its own extends: it has a container and columns of its own, and common rules."""
_GOOD = 0.8

type Json = dict[str, Any]


@dataclass(slots=True)
class Guess:
    """The proposal, and the file as read with it; `reading` is None where it cannot be read yet, with the reason."""

    proposal: Proposal
    reading: Reading | None
    zone: str | None
    """The zone that the file was read in for the check, where the proposal has none."""
    problem: str | None = None


def guess(path: Path, directory: AgentDirectory, zone: str | None) -> Guess:
    """A proposal for a file. Raises GuessError where none can be made."""
    with opened(path) as stream:
        start = stream.read(4096)
        kind = kind_of_file(stream)
    if not start.strip(b"\xef\xbb\xbf\xff\xfe\0 \t\r\n"):
        raise GuessError("the file is empty; export it again")
    if kind == "xlsx":
        return _workbook(path, directory, zone)
    if start.startswith(b"\xd0\xcf\x11\xe0"):
        raise GuessError("this is an old Excel file (.xls); save it as .xlsx or CSV")
    if start.startswith((b"\x1f\x8b", b"%PDF")):
        raise GuessError("this is no schedule but an archive or a PDF; unpack or export it as CSV, XLSX, JSON or XML")
    if kind == "icalendar":
        return _calendar(path, zone)
    if kind in ("json", "xml"):
        return _tree(path, kind, directory, zone)
    return _delimited(path, directory, zone)


# ------------------------------------------------------------------------------------------------------- delimited


def _delimited(path: Path, directory: AgentDirectory, zone: str | None) -> Guess:
    with opened(path) as stream:
        encoding = encoding_of(stream)
        shape = shape_of(path, encoding.name)
        reason = refused(shape.header)
        if reason:
            raise GuessError(f"this is the layout {reason.name}: {reason.refuse}")
        counts = Counter(name.casefold() for name in shape.header)
        names = [name for name in shape.header if name and counts[name.casefold()] == 1]
        layout = _text_format(encoding, shape)
        table = _table(path, layout, names, stream)
    proposal = Proposal({})
    _say_text(encoding, shape, names, proposal)
    timing = best_timing(table.columns, table.rows)
    roles = roles_of(table.columns, set(timing.fields.values()) if timing else set(), directory)
    guessed = {**(timing.fields if timing else {}), **roles.others}
    if roles.agent:
        guessed["agent"] = roles.agent.column
    known = by_header(shape.header, guessed)
    if known:
        found = _known_text(path, known, encoding, shape, table, timing, roles, proposal, zone)
        if found:
            return found
    return _own(path, layout, table, timing, roles, proposal, zone)


def _text_format(encoding: Encoding, shape: TextShape) -> Json:
    layout: Json = {"kind": "delimited", "delimiters": [shape.delimiter]}
    if not encoding.has_mark and encoding.name != "utf-8":
        layout["encodings"] = ["utf-8", encoding.name]
    if not shape.quoted:
        layout["quoted"] = False
    if shape.prefix.strip():
        layout["headerPrefix"] = shape.prefix.strip()
    return layout


def _table(path: Path, layout: Json, names: list[str], stream: Any, *, rows_at: str = "") -> Table:
    if not names:
        raise GuessError("the file has no column names")
    try:
        return read_table(path, stream, layout, names, rows_at=rows_at)
    except UnreadableFileError as error:
        raise GuessError(str(error)) from None


def _say_text(encoding: Encoding, shape: TextShape, names: list[str], proposal: Proposal) -> None:
    mark = " with a byte order mark" if encoding.has_mark else ""
    delimiter = {"\t": "tab"}.get(shape.delimiter, repr(shape.delimiter))
    proposal.found.append(f"text in {encoding.name.removesuffix('-sig')}{mark}, delimiter {delimiter}")
    if encoding.doubt:
        proposal.doubts.append(Doubt("encoding", encoding.doubt))
    if shape.even_rows < 0.98:
        proposal.doubts.append(
            Doubt("rows", f"{1 - shape.even_rows:.0%} of the sampled rows have more or fewer fields than the header")
        )
    left_out = sorted({name for name in shape.header if name and name not in names})
    if left_out:
        proposal.doubts.append(Doubt("header", f"{', '.join(left_out)} is there more than once and cannot be used"))


def _known_text(
    path: Path, known: Known, encoding: Encoding, shape: TextShape, table: Table, timing: Timing | None, roles: Roles,
    proposal: Proposal, zone: str | None,
) -> Guess | None:  # fmt: skip
    """A built-in layout in this file's dress; None where it does not read the file after all."""
    builtin = builtin_profile(known.name)
    document: Json = {"extends": known.name}
    layouts = [each for each in (builtin.format, *builtin.other_formats) if isinstance(each, DelimitedFormat)]
    layout = next((each for each in layouts if shape.delimiter in each.delimiters), layouts[0])
    differs: Json = {}
    if shape.delimiter not in layout.delimiters:
        differs["delimiters"] = [shape.delimiter]
        if shape.quoted and not layout.quoted:
            differs["quoted"] = True
    if not encoding.has_mark and encoding.name not in layout.encodings:
        differs["encodings"] = ["utf-8", encoding.name]
    if differs:
        document["format"] = differs
    if known.columns:
        document["columns"] = known.columns
    proposal.document = document
    if not table.count:
        _say_known(known, proposal)
        proposal.doubts.append(Doubt("rows", "the file has a header and no rows, so nothing else is proven"))
        say_zone(proposal, zone or builtin.time_zone, needed=not builtin.time_zone)
        return Guess(proposal, None, None, "the file has no rows")
    found = _checked(path, proposal, zone)
    if timing and roles.agent and (found.reading is None or readable_share(found.reading) < _GOOD):
        found = _with_own_times(path, table, timing, roles, proposal, zone) or found
    if known.columns and found.reading is not None and readable_share(found.reading) < _GOOD:
        proposal.document, proposal.doubts = {}, [each for each in proposal.doubts if each.about in _OF_TEXT]
        return None
    _say_known(known, proposal)
    return found


_OF_TEXT = ("encoding", "rows", "header")


def _with_own_times(
    path: Path, table: Table, timing: Timing, roles: Roles, proposal: Proposal, zone: str | None
) -> Guess | None:
    """The layout with dates as this file writes them."""
    scratch = Proposal({})
    times = source_of(table.columns, timing, roles, scratch).get("times")
    if not times:
        return None
    other = Proposal({**proposal.document, "times": times}, list(proposal.found), list(proposal.doubts))
    other.doubts += [each for each in scratch.doubts if "first" in each.text]
    other.found += [each for each in scratch.found if "written as" in each]
    other.document.pop("activities", None)
    found = _checked(path, other, zone)
    if found.reading is None or readable_share(found.reading) < _GOOD:
        return None
    proposal.document, proposal.found, proposal.doubts = other.document, other.found, other.doubts
    proposal.undecided = other.undecided
    return Guess(proposal, found.reading, found.zone)


def _say_known(known: Known, proposal: Proposal) -> None:
    builtin = builtin_profile(known.name)
    renamed = "".join(f"; {old} is called {new} here" for old, new in known.columns.items())
    proposal.found.insert(0, f"this is the layout {known.name} ({builtin.title}){renamed}")
    proposal.found.insert(1, f"agents are known by {builtin.identity}{_directory_of(builtin.identity)}")
    if known.columns:
        proposal.doubts.insert(0, Doubt("columns", "the other names were matched by what their values are; check each"))


def _directory_of(identity: str) -> str:
    return "" if identity in BUILT_IN_IDENTITIES else ", which config/agents.csv translates to e-mail addresses"


# ------------------------------------------------------------------------------------------------ other containers


def _calendar(path: Path, zone: str | None) -> Guess:
    found = by_reading(path, ["icalendar"], zone)
    if found is None:
        raise GuessError(
            "this is an iCalendar file without a readable event or agent; its name must hold the agent's e-mail "
            "address, as in schedule_jo.doe@contoso.example.ics"
        )
    return _known(path, found[0], zone)


def _known(path: Path, known: Known, zone: str | None) -> Guess:
    proposal = Proposal({"extends": known.name})
    found = _checked(path, proposal, zone)
    _say_known(known, proposal)
    return found


def _workbook(path: Path, directory: AgentDirectory, zone: str | None) -> Guess:
    if not zipfile.is_zipfile(path):
        raise GuessError("the file begins like an XLSX workbook and is damaged; export it again")
    found = by_reading(path, ["xlsx", "xlsx-grid"], zone)
    if found:
        return _known(path, found[0], zone)
    grid = grid_of(path)
    if grid:
        proposal = Proposal(grid.document, list(grid.found), [Doubt(*each) for each in grid.doubts])
        return _checked(path, proposal, zone)
    names = header_of(path)
    layout: Json = {"kind": "xlsx"}
    with opened(path) as stream:
        table = _table(path, layout, names, stream)
    proposal = Proposal({}, ["a spreadsheet (XLSX) whose header row names the columns"])
    timing = best_timing(table.columns, table.rows)
    roles = roles_of(table.columns, set(timing.fields.values()) if timing else set(), directory)
    return _own(path, layout, table, timing, roles, proposal, zone)


def _tree(path: Path, kind: str, directory: AgentDirectory, zone: str | None) -> Guess:
    found = by_reading(path, [kind], zone)
    if found:
        return _known(path, found[0], zone)
    places = json_places(path) if kind == "json" else xml_places(path)
    read = [each for place in places if (each := _read_place(path, kind, place))]
    if not read:
        raise GuessError(
            "no list in the document has start and end times or dates; its lists are "
            + ", ".join(sorted({place.path or "the document itself" for place in places})[:10])
        )
    place, table, timing = _rows_place(read)
    inner = [each for each in read if each[0].path != place.path and _is_inside(each[0], place)]
    roles = roles_of(table.columns, set(timing.fields.values()), directory)
    proposal = Proposal({}, [f"{kind.upper()}, {place.rows:,} rows at {place.path or 'the documents of the list'}"])
    nested = [rules for each in inner if (rules := _nested(*each, place, proposal))]
    return _own(path, {"kind": kind}, table, timing, roles, proposal, zone, rows_at=place.path, nested=nested)


type _Read = tuple[Place, Table, Timing]


def _read_place(path: Path, kind: str, place: Place) -> _Read | None:
    if not place.columns:
        return None
    with opened(path) as stream:
        try:
            table = read_table(path, stream, {"kind": kind}, place.columns, rows_at=place.path)
        except UnreadableFileError:
            return None
    timing = best_timing(table.columns, table.rows)
    return (place, table, timing) if timing and timing.valid >= 0.7 else None


def _rows_place(read: list[_Read]) -> _Read:
    """The list whose elements are the rows: inner lists where they fill the outer ones, else the outer ones."""
    best = max(read, key=lambda each: (each[2].score, each[0].rows))
    for each in read:
        place, _, timing = each
        total, best_total = timing.mean * place.rows, best[2].mean * best[0].rows
        if (_is_inside(best[0], place) and best_total < total * 0.8 and timing.score > best[2].score - 4) or (
            _is_inside(place, best[0]) and total >= best_total * 0.8 and timing.score > best[2].score - 4
        ):
            best = each
    return best


def _is_inside(inner: Place, outer: Place) -> bool:
    return inner.path.startswith(f"{outer.path}/" if outer.path else "") and inner.path != outer.path


def _nested(place: Place, table: Table, timing: Timing, outer: Place, proposal: Proposal) -> Json | None:
    """Breaks inside a row, as the source's nested rows."""
    if not set(timing.fields) <= {"start", "end", "length"} or "start" not in timing.fields:
        return None
    own = [each for each in table.columns if not each.name.startswith("..")]
    roles = roles_of(own, set(timing.fields.values()), AgentDirectory({}, frozenset()))
    path = place.path[len(outer.path) :].lstrip("/")
    activity = roles.others.get("activity") or next(
        (each.name for each in own if each.name not in timing.fields.values()), "type"
    )
    proposal.found.append(f"stretches inside a row, cut out of it: {path}")
    return {"path": path, "activity": activity, **timing.fields, "defaultActivity": "Break"}


# ----------------------------------------------------------------------------------------------------- a new layout


def _own(
    path: Path, layout: Json, table: Table, timing: Timing | None, roles: Roles, proposal: Proposal, zone: str | None,
    *, rows_at: str = "", nested: list[Json] | None = None,
) -> Guess:  # fmt: skip
    names = ", ".join(each.name for each in table.columns[:20])
    if not table.count:
        raise GuessError(f"the file has no rows below its header ({names}), so nothing can be told of it")
    if timing is None:
        raise GuessError(f"no column holds dates or times, so this is no schedule; its columns are {names}")
    if roles.agent is None:
        roles.agent = _any_agent(table.columns, {*timing.fields.values(), *roles.others.values()})
    if roles.agent is None:
        raise GuessError(f"no column seems to say who works; its columns are {names}")
    source = source_of(table.columns, timing, roles, proposal)
    if rows_at:
        source = {"path": rows_at, **source}
    if nested:
        source["nested"] = nested
    if layout["kind"] in ("delimited", "xlsx"):
        needed = {"agent", "start", "end", "date", "range", "length", "activity"}
        source["required"] = [column for field, column in source["fields"].items() if field in needed]
    used = {
        *timing.fields.values(),
        *roles.others.values(),
        roles.agent.column,
        *(str(rule["column"]) for rule in roles.skip),
    }
    proposal.document = {
        "extends": _BASE,
        "title": f"Layout of {path.name}"[:100],
        "format": layout,
        "identity": roles.agent.identity,
        "sources": [source],
    }
    if roles.not_imported:
        proposal.document["notImported"] = roles.not_imported
    left = unused(table.columns, used)
    if left:
        proposal.found.append(f"not read: {', '.join(left[:15])}")
    return _checked(path, proposal, zone, has_zone="timeZone" in roles.others)


def _any_agent(columns: list[Kinds], used: set[str]) -> Agent | None:
    free = [
        each
        for each in columns
        if each.name not in used and each.values and not (each.is_truth or each.dates or each.moments)
    ]
    if not free:
        return None
    column = max(free, key=lambda each: (not each.is_unique, not each.is_number, each.filled_share))
    return Agent(
        column.name, "employeeid", "nothing else is left",
        "no column's name or values speak of people; this one is a mere guess",
    )  # fmt: skip


# ------------------------------------------------------------------------------------------------------------ check


def _checked(path: Path, proposal: Proposal, zone: str | None, *, has_zone: bool = True) -> Guess:
    """The file read back with its proposal, which gets its zone and activities on the way."""
    builtin = builtin_profile(proposal.document["extends"])
    said = zone or builtin.time_zone
    if zone:
        say_zone(proposal, zone, needed=False)
    document, stand_in = _settled(proposal.document), None
    reading = _read(path, document, said)
    if isinstance(reading, str) and NO_FIRST_DAY in reading:
        proposal.document["startDate"] = None
        proposal.doubts.append(
            Doubt("startDate", "neither the sheet nor the file's name says which date its first day is; set it, such "
                  f'as "{STAND_IN_DAY}" (taken for the check), or let fileNames find it in the name')
        )  # fmt: skip
        document = {**document, "startDate": STAND_IN_DAY}
        reading = _read(path, document, said)
    if isinstance(reading, str) and "time zone" in reading:
        say_zone(proposal, None, needed=True)
        stand_in = STAND_IN_ZONE
        reading = _read(path, document, stand_in)
    elif not said and not has_zone and not isinstance(reading, str):
        proposal.doubts.append(
            Doubt("timeZone", "the times have offsets, so it is not needed for them; set it all the same, so that days "
                  "begin at the site's midnight and not at UTC's")
        )  # fmt: skip
    if isinstance(reading, str):
        _say_unreadable(reading, proposal)
        return Guess(proposal, None, stand_in, reading)
    words = Counter(segment.activity for segment in reading.segments)
    say_activities([word for word, _ in words.most_common(500)], proposal, [*builtin.activities])
    _say_templates(reading, proposal)
    _say_skipped(reading, proposal)
    return Guess(proposal, reading, stand_in)


def _say_templates(reading: Reading, proposal: Proposal) -> None:
    """The codes of shift templates, which only a person knows the meaning of."""
    reasons = dict.fromkeys(skip.reason for skip in reading.skipped if skip.code == "UNKNOWN_TEMPLATE")
    codes = [found[1] for reason in reasons if (found := re.search(r"what '(.+)' stands for", reason))]
    if codes:
        proposal.document["templates"] = {}
        example = json.dumps({codes[0]: {"start": "08:00", "end": "16:00"}}, ensure_ascii=False)
        proposal.doubts.append(
            Doubt("templates", f"say for {', '.join(codes[:100])} what each stands for, as in {example}; an empty list "
                  "([]) is a day off")
        )  # fmt: skip


def _settled(document: Json) -> Json:
    """The document with the first of rival date orders: enough to check the rest of it."""
    if "sources" not in document:
        return (
            {**document, "times": {key: _first(value) for key, value in document["times"].items()}}
            if "times" in document
            else document
        )
    sources = [
        {**source, "times": {key: _first(value) for key, value in source["times"].items()}}
        if "times" in source
        else source
        for source in document["sources"]
    ]
    return {**document, "sources": sources}


def _first(value: Any) -> Any:
    if not isinstance(value, list):
        return value
    kept: list[str] = []
    for pattern in value:
        order = [letter for letter in pattern if letter in "dm"]
        if not any(
            [letter for letter in other if letter in "dm"] != order
            for other in kept
            if "%d" in other and "%d" in pattern
        ):
            kept.append(pattern)
    return kept


def _read(path: Path, document: Json, zone: str | None) -> Reading | str:
    try:
        return read_file(path, resolved(document, zone))
    except (UnreadableFileError, ProfileError, UsageError) as error:
        return str(error)


def _say_unreadable(reason: str, proposal: Proposal) -> None:
    if "nothing in the file tells" in reason:
        proposal.doubts.append(Doubt("dates", f"dates could be day or month first: fix it; {reason}"))
    else:
        proposal.doubts.append(Doubt("file", f"it cannot be read with this proposal yet: {reason}"))


def _say_skipped(reading: Reading, proposal: Proposal) -> None:
    codes = Counter(skip.code for skip in reading.skipped)
    for code, count in codes.most_common():
        first = next(skip for skip in reading.skipped if skip.code == code)
        text = f"{count:,} of {reading.rows:,} rows are not read ({code}), such as line {first.row}: {first.reason}"
        if code in UNREADABLE:
            proposal.doubts.append(Doubt("rows", text))
        else:
            proposal.found.append(text)
