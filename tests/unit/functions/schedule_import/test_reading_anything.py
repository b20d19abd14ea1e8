"""Documents and workbooks that are damaged in any way are read or refused, never anything else; and rejected rows of
every layout are read again as what they were."""

import io
import random
import zipfile
from collections import Counter
from pathlib import PurePath

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from functions.schedule_import.profile import ScheduleProfile, SiteProfile, resolve_profile
from functions.schedule_import.reading.reader import read_schedule
from functions.schedule_import.reading.records import FileContent
from functions.schedule_import.reading.rejected import write_rejected
from functions.schedule_import.reading.segments import Reading, UnreadableFileError
from tests.unit.functions.schedule_import.vendor_documents import LAYOUTS, ZONES, File

ZONE = next(iter(ZONES))
FILES: dict[str, tuple[File, ScheduleProfile]] = {}
FRAGMENTS = (
    b"", b"\0", b"\xff", b'"', b"'", b"{", b"}", b"[", b"]", b",", b"<", b">", b"</", b"&b;", b"null", b"1e999", b"-1",
    b"99999999999999999999", b"0001-01-01", b"9999-12-31T23:59:59Z", b"T24:00:00", b"\r\n", b"\xef\xbb\xbf",
    b"END:VEVENT\n", b"BEGIN:VEVENT\n", b"RRULE:FREQ=DAILY\n", b"\xed\xa0\x80", b"\\ud800", b"=cmd|' /C calc'!A0",
    b"<f>1+1</f>", b't="s"', b"<v>-1</v>",
)  # fmt: skip


def drawn(layout: str) -> tuple[File, ScheduleProfile]:
    if layout not in FILES:
        file = LAYOUTS[layout](7, ZONE, {})
        site = SiteProfile.model_validate({"extends": layout, "timeZone": ZONE, **file.site})
        FILES[layout] = (file, resolve_profile(layout, site))
    return FILES[layout]


def damaged(data: st.DataObject, whole: bytes) -> bytes:
    """The file with a few of its bytes replaced; of a workbook also those of one part before it is packed."""
    if whole.startswith(b"PK") and data.draw(st.booleans()):
        return _with_damaged_part(data, whole)
    changed = bytearray(whole)
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(changed)))
        length = data.draw(st.sampled_from([0, 1, 2, 20, 3_000]))
        changed[at : at + length] = data.draw(st.sampled_from(FRAGMENTS) | st.binary(max_size=12))
    return bytes(changed)


def _with_damaged_part(data: st.DataObject, whole: bytes) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(whole)) as source, zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as target:
        part = data.draw(st.sampled_from(source.namelist()))
        for name in source.namelist():
            content = source.read(name)
            target.writestr(name, damaged(data, content) if name == part else content)
    return out.getvalue()


def outcome(file: File, data: bytes, profile: ScheduleProfile) -> Reading | str:
    """A Reading, or the reason of the refusal."""
    try:
        return read_schedule(FileContent(file.name, io.BytesIO(data)), profile)
    except UnreadableFileError as error:
        return str(error)


def check(result: Reading | str) -> None:
    if isinstance(result, str):
        assert 10 < len(result) < 1_500
        assert result.isprintable()
    else:
        for segment in result.segments:
            assert segment.start < segment.end
            assert segment.agent
            assert segment.activity
            assert segment.row > 0
        assert all(skip.reason and skip.row > 0 for skip in result.skipped)


@pytest.mark.parametrize("layout", LAYOUTS)
@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True)
@given(data=st.data())
def test_a_damaged_file_is_read_or_refused(layout: str, data: st.DataObject) -> None:
    file, profile = drawn(layout)
    check(outcome(file, damaged(data, file.data), profile))


@pytest.mark.parametrize("layout", LAYOUTS)
@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True)
@given(data=st.binary(max_size=400))
def test_any_bytes_are_refused(layout: str, data: bytes) -> None:
    file, profile = drawn(layout)
    for beginning in (b"", b"PK\x03\x04", b'{"value": [', b"<Response><Schedule>", b"BEGIN:VCALENDAR\r\n"):
        result = outcome(file, beginning + data, profile)
        check(result)
        assert isinstance(result, str) or not result.segments


@pytest.mark.parametrize("layout", LAYOUTS)
def test_a_file_that_was_cut_anywhere_is_refused(layout: str) -> None:
    file, profile = drawn(layout)
    draw = random.Random(1)  # noqa: S311 - the same cuts each time
    whole = len(file.data.rstrip())
    for _ in range(15):
        assert isinstance(outcome(file, file.data[: draw.randrange(whole - 1)], profile), str)


@pytest.mark.parametrize("layout", LAYOUTS)
def test_a_file_of_another_layout_is_refused(layout: str) -> None:
    for other in LAYOUTS:
        file, _ = drawn(other)
        if other != layout:
            assert isinstance(outcome(file, file.data, drawn(layout)[1]), str), other


@pytest.mark.parametrize("layout", LAYOUTS)
def test_rejected_rows_are_read_again_as_what_they_were(layout: str) -> None:
    file, profile = drawn(layout)
    before = outcome(file, file.data, profile)
    assert isinstance(before, Reading)
    draw = random.Random(2)  # noqa: S311 - the same rows each time
    rows = draw.sample(sorted({segment.row for segment in before.segments}), 20)
    content = FileContent(file.name, io.BytesIO(file.data))
    written = write_rejected(content, profile, {row: f"=reason of row {row}" for row in rows})
    assert written is not None
    # `@file` groups come from the name, which a rejected file keeps.
    name = f"{file.name}.rejected{PurePath(file.name).suffix}"
    again = read_schedule(FileContent(name, io.BytesIO(written[0])), profile)
    assert again.dropped_again
    assert again.skipped == []
    assert Counter(segment[1:] for segment in again.segments) == Counter(
        segment[1:] for segment in before.segments if segment.row in rows
    )
