"""JSON and XML as containers: paths, row numbers, numbers and names as text, what is refused and what is skipped."""

import io
import json
import time
import tracemalloc
from collections.abc import Iterator
from typing import Any

import pytest

from functions.schedule_import.profile import ScheduleProfile
from functions.schedule_import.reading.document import json_rows, xml_rows
from functions.schedule_import.reading.records import FileContent, Numbered
from functions.schedule_import.reading.segments import Skip, UnreadableFileError

JSON_PROFILE = ScheduleProfile.model_validate({
    "name": "x", "title": "x", "identity": "email", "format": {"kind": "json", "expected": [
        {"column": "/status", "values": ["ok", ""], "reason": "the document is an error"}]},
    "sources": [
        {"path": "people/*/shifts/*", "fields": {"agent": "../id", "start": "from", "site": "/site"},
         "nested": [{"path": "breaks/*", "activity": "kind", "start": "from"}]},
        {"path": "people/*/absences/*", "fields": {"agent": "../id", "date": "on"}},
    ],
    "listedAgents": {"path": "people/*", "agent": "id"},
})  # fmt: skip
XML_PROFILE = ScheduleProfile.model_validate({
    "name": "x", "title": "x", "identity": "email", "format": {"kind": "xml"},
    "sources": [{"path": "Week/Person/Shift", "fields": {"agent": "../Name", "start": "@from", "site": "/@site"}}],
    "window": {"first": "/Week/@first"},
})  # fmt: skip


def json_file(document: Any) -> FileContent:
    data = document if isinstance(document, bytes) else json.dumps(document, indent=1).encode()
    return FileContent("x.json", io.BytesIO(data))


def xml_file(text: str | bytes) -> FileContent:
    return FileContent("x.xml", io.BytesIO(text.encode() if isinstance(text, str) else text))


def json_rows_of(document: Any, source: int = 0) -> list[Numbered | Skip]:
    container = json_rows.open_container(json_file(document), JSON_PROFILE)
    return list(container.records(JSON_PROFILE.sources[source]))


def one_text(value: Any) -> str:
    container = json_rows.open_container(json_file({"people": [{"shifts": [{"from": value}]}]}), JSON_PROFILE)
    (row,) = container.records(JSON_PROFILE.sources[0])
    assert isinstance(row, Numbered)
    getter = container.getter(JSON_PROFILE.sources[0], "from")
    assert getter is not None
    return getter(row.record)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        pytest.param("00017", "00017", id="leading zeros stay"),
        pytest.param(5000, "5000", id="a whole number"),
        pytest.param(5000.0, "5000", id="a whole number with a fraction"),
        pytest.param(7.5, "7.5", id="a fraction"),
        pytest.param(12345678901234567890123, "12345678901234567890123", id="a number of many digits"),
        pytest.param(True, "true", id="yes"),
        pytest.param(None, "", id="null is empty"),
        pytest.param("  a ", "a", id="trimmed"),
        pytest.param("Pa\u0308ivi", "Päivi", id="accents as one character"),
        pytest.param({}, "", id="an empty object"),
        pytest.param({"a": 1}, "(object)", id="an object where a text should be"),
        pytest.param([1], "(list)", id="a list where a text should be"),
    ],
)
def test_json_values_as_text(value: Any, text: str) -> None:
    assert one_text(value) == text


def test_a_path_climbs_to_the_object_around_and_to_the_document_wherever_they_are_written() -> None:
    document = b'{"people": [{"shifts": [{"from": 1}], "id": "late"}], "site": "Oulu"}'
    container = json_rows.open_container(json_file(document), JSON_PROFILE)
    source = JSON_PROFILE.sources[0]
    agent, site = container.getter(source, "../id"), container.getter(source, "/site")
    assert agent is not None
    assert site is not None
    (row,) = container.records(source)
    assert isinstance(row, Numbered)
    assert (agent(row.record), site(row.record)) == ("late", "Oulu")


def test_a_list_of_documents_is_read_document_by_document() -> None:
    documents = [{"people": [{"id": name, "shifts": [{"from": 1}]}], "site": name} for name in "ab"]
    container = json_rows.open_container(json_file(documents), JSON_PROFILE)
    source = JSON_PROFILE.sources[0]
    site = container.getter(source, "/site")
    assert site is not None
    assert [site(row.record) for row in container.records(source) if isinstance(row, Numbered)] == ["a", "b"]
    # What the documents do not agree on is not said of the whole file.
    assert container.document("/site") == ""


def test_documents_line_by_line_are_a_series_too() -> None:
    data = b'{"people":[{"id":"a","shifts":[{"from":1}]}]}\n{"people":[{"id":"b","shifts":[{"from":2}]}]}\n'
    assert [row.number for row in json_rows_of(data) if isinstance(row, Numbered)] == [1, 2]


def test_rows_have_the_line_where_they_begin() -> None:
    assert [row[0] for row in json_rows_of({"people": [{"shifts": [{"from": 1}, {"from": 2}]}]})] == [5, 8]


def test_rows_of_a_file_without_line_breaks_are_counted_over_all_kinds_in_file_order() -> None:
    document = json.dumps({"people": [{"absences": [{"on": 1}], "shifts": [{"from": 1}, {"from": 2}]}] * 2}).encode()
    assert [row[0] for row in json_rows_of(document)] == [2, 3, 5, 6]
    assert [row[0] for row in json_rows_of(document, 1)] == [1, 4]


def test_agents_without_rows_are_listed() -> None:
    container = json_rows.open_container(json_file({"people": [{"id": "a", "shifts": []}, {"id": "b"}]}), JSON_PROFILE)
    getter = container.nested_getter("people/*", "id")
    assert [getter(record) for record in container.table("people/*")] == ["a", "b"]


@pytest.mark.parametrize(
    ("person", "reason"),
    [
        pytest.param('{"id": 1, "shifts": {"from": 1}}', "shifts is no list", id="an object for a list"),
        pytest.param('{"id": 1, "shifts": [7]}', "no object", id="a number for an object"),
        pytest.param('{"id": 1, "id": 2, "shifts": [{"from": 1}]}', "'id' appears twice", id="a name twice around"),
        pytest.param('{"shifts": [{"from": 1, "from": 2}]}', "'from' appears twice", id="a name twice in the row"),
        pytest.param('{"shifts": [{"from": "' + "x" * 40_000 + '"}]}', "longer than", id="a long text"),
        pytest.param('{"shifts": [{"from": "a\\u0000"}]}', "NUL", id="a NUL"),
        pytest.param('{"shifts": [{"from": 1, "breaks": 3}]}', "breaks is no list", id="breaks that are no list"),
        pytest.param('{"shifts": [{"breaks": [{"kind": 1, "kind": 2}]}]}', "'kind' appears twice", id="a bad break"),
    ],
)
def test_a_bad_item_is_skipped_and_the_others_are_read(person: str, reason: str) -> None:
    found = json_rows_of(f'{{"people": [\n{person},\n{{"id": "good", "shifts": [{{"from": 1}}]}}\n]}}'.encode())
    assert isinstance(found[0], Skip)
    assert (found[0].row, found[0].code) == (2, "BAD_ROW")
    assert reason in found[0].reason
    assert [row.number for row in found if isinstance(row, Numbered)] == [3]


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        pytest.param(b"", "empty", id="nothing"),
        pytest.param(b" \n ", "empty", id="white space"),
        pytest.param(b"Name;Phone;City\n", "line 1 is not JSON", id="CSV"),
        pytest.param(b'{"people": [{"shifts": [', "ends in the middle, in line 1", id="cut"),
        pytest.param(b'{"people": []}\n}', "line 2 is not JSON", id="more behind the end"),
        pytest.param(b'{"people": [{"a": NaN}]}', "not JSON", id="NaN"),
        pytest.param(b'{"people": [{"a": 1e99999999999999999999}]}', "not JSON", id="a huge number"),
        pytest.param(b'{"people": [' + b"9" * 10_000 + b"]}", "not JSON", id="a number of 10,000 digits"),
        pytest.param(b'{"people": [{"a": "\xff"}]}', "not JSON", id="not UTF-8"),
        pytest.param(b"[" * 100_000, "no JSON object", id="lists in lists"),
        pytest.param(b'{"a": ' * 100_000, "deep", id="objects nested too deep"),
        pytest.param(b'{"error": {"code": 401}}', "no list people; it has 'error'", id="another document"),
        pytest.param(b'[{"people": []}, {"error": 1}]', "no list people", id="one of a series is an error"),
        pytest.param(b'{"people": {}}', "people is no list", id="an object for the list"),
        pytest.param(b'{"people": [], "people": []}', "appears twice", id="the list twice"),
        pytest.param(b'{"people": [], "status": "failed"}', "the document is an error", id="it says so itself"),
        pytest.param(b"[1]", "no JSON object", id="no object"),
        pytest.param(b'{"people": ["' + b"x" * 6_000_000 + b'"]}', "more than", id="a text of 6 MB"),
        pytest.param(b'{"people": [{"a": [' + b"1," * 600_000 + b"1]}]}", "more than", id="one item of a million"),
        pytest.param(b"\xff\xfe{\xd8", "UTF-16", id="half a character of UTF-16"),
    ],
)
def test_a_file_that_is_no_such_document_is_refused_with_its_reason(data: bytes, reason: str) -> None:
    with pytest.raises(UnreadableFileError, match=reason):
        json_rows_of(data)


def test_utf_16_and_byte_order_marks_are_read() -> None:
    text = '{"people": [{"id": "Åsa", "shifts": [{"from": 1}]}]}'
    for encoding in ("utf-16", "utf-8-sig", "utf-8"):
        assert len(json_rows_of(text.encode(encoding))) == 1


def endless_people(count: int) -> Iterator[bytes]:
    yield b'{"people": ['
    person = json.dumps({"id": "a", "shifts": [{"from": 1}] * 20}).encode()
    yield person
    for _ in range(count):
        yield b"," + person
    yield b"]}"


def test_memory_stays_flat_however_many_rows_a_document_has() -> None:
    peaks = []
    for count in (500, 2_000):
        content = json_file(b"".join(endless_people(count)))
        tracemalloc.start()
        container = json_rows.open_container(content, JSON_PROFILE)
        rows = sum(1 for _ in container.records(JSON_PROFILE.sources[0]))
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
        assert rows == 20 * (count + 1)
    # 30,000 rows more, with less room than 3 bytes for each.
    assert peaks[1] < 1.05 * peaks[0]


# --------------------------------------------------------------------------------------------------- XML


def xml_rows_of(text: str | bytes) -> list[tuple[int, str, str, str]]:
    container = xml_rows.open_container(xml_file(text), XML_PROFILE)
    source = XML_PROFILE.sources[0]
    getters = [container.getter(source, column) for column in ("../Name", "@from", "/@site")]
    agent, start, site = (getter for getter in getters if getter is not None)
    return [
        (row.number, agent(row.record), start(row.record), site(row.record))
        for row in container.records(source)
        if isinstance(row, Numbered)
    ]


def test_xml_rows_with_what_is_around_them() -> None:
    text = """<?xml version="1.0"?>
<r:Roster xmlns:r="urn:x" site="Oulu">
 <r:Week first="2027-03-22">
  <r:Person><r:Shift from="1"/>
   <r:Shift from="2 &amp; 3"></r:Shift>
   <r:Name> Åsa <!-- a note --></r:Name></r:Person>
 </r:Week>
</r:Roster>"""
    assert xml_rows_of(text) == [(4, "Åsa", "1", "Oulu"), (5, "Åsa", "2 & 3", "Oulu")]
    assert xml_rows.open_container(xml_file(text), XML_PROFILE).document("/Week/@first") == "2027-03-22"


def test_xml_rows_of_a_file_without_line_breaks_are_counted() -> None:
    text = '<R><Week><Person><Shift from="1"/><Shift from="2"/></Person><Person><Shift from="3"/></Person></Week></R>'
    assert [row[0] for row in xml_rows_of(text)] == [1, 2, 3]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "iso-8859-1", "windows-1252"])
def test_xml_says_its_encoding(encoding: str) -> None:
    text = f'<?xml version="1.0" encoding="{encoding}"?><R><Week><Person><Name>Åsa</Name><Shift/></Person></Week></R>'
    assert xml_rows_of(text.encode(encoding))[0][1] == "Åsa"


def test_a_week_without_anybody_is_read() -> None:
    assert xml_rows_of("<R><Week/></R>") == []


BOMBS = {
    "an entity": '<!DOCTYPE r [<!ENTITY a "aaa">]><R><Week>&a;</Week></R>',
    "entities of entities": "<!DOCTYPE r ["
    + '<!ENTITY a0 "aaaaaaaaaa">'
    + "".join(f'<!ENTITY a{number} "{f"&a{number - 1};" * 10}">' for number in range(1, 10))
    + "]><R><Week>&a9;</Week></R>",
    "one long entity many times": '<!DOCTYPE r [<!ENTITY a "'
    + "a" * 50_000
    + '">]><R><Week>'
    + "&a;" * 2_000
    + "</Week></R>",
    "a file from elsewhere": '<!DOCTYPE r [<!ENTITY a SYSTEM "file:///etc/passwd">]><R><Week>&a;</Week></R>',
    "a parameter entity": '<!DOCTYPE r [<!ENTITY % a SYSTEM "http://x.example/a.dtd"> %a;]><R><Week/></R>',
    "a DTD from elsewhere": '<!DOCTYPE r SYSTEM "http://x.example/a.dtd"><R><Week/></R>',
    "a public DTD": '<!DOCTYPE r PUBLIC "-//X" "http://x.example/a.dtd"><R><Week/></R>',
    "an empty DTD": "<!DOCTYPE r><R><Week/></R>",
    "default attributes": '<!DOCTYPE r [<!ATTLIST Week first CDATA "x">]><R><Week/></R>',
    "an endless entity": '<!DOCTYPE r [<!ENTITY a "&b;"><!ENTITY b "&a;">]><R><Week>&a;</Week></R>',
    "behind a comment": '<!-- x --><!DOCTYPE r [<!ENTITY a "x">]><R><Week/></R>',
    "in UTF-16": '<?xml version="1.0" encoding="utf-16"?><!DOCTYPE r [<!ENTITY a "x">]><R><Week/></R>',
}


@pytest.mark.parametrize("name", BOMBS)
def test_document_types_and_entities_are_refused_at_once(name: str) -> None:
    content = xml_file(BOMBS[name].encode("utf-16" if "utf-16" in BOMBS[name] else "utf-8"))
    begun = time.perf_counter()
    with pytest.raises(UnreadableFileError, match=r"document type|DTD"):
        xml_rows.open_container(content, XML_PROFILE)
    assert time.perf_counter() - begun < 0.1


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        pytest.param("", "empty", id="nothing"),
        pytest.param("Name;Phone;City\n", "line 1 is not XML", id="CSV"),
        pytest.param("<R><Week><Person>", "ends in the middle", id="cut"),
        pytest.param("<R><Week/></R><R/>", "not XML", id="more behind the end"),
        pytest.param("<R>\n<Week></R>", "line 2 is not XML", id="not well-formed"),
        pytest.param("<html><body/></html>", "no Week below its root element html", id="another document"),
        pytest.param("<R><Week>&unknown;</Week></R>", "not XML", id="an unknown entity"),
        pytest.param("<R>" + "<a>" * 1000, "deep", id="nested too deep"),
        pytest.param('<?xml version="1.0" encoding="utf-7"?><R><Week/></R>', "encoding|not XML", id="an odd encoding"),
        pytest.param("<R><Week>" + "<Person/>" * 3 + "<Person>" + "<a/>" * 120_000 + "</Person></Week></R>",
                     "more than", id="a person of 120,000 elements"),
    ],
)  # fmt: skip
def test_a_file_that_is_no_such_xml_is_refused_with_its_reason(text: str, reason: str) -> None:
    with pytest.raises(UnreadableFileError, match=reason):
        xml_rows_of(text)


def test_a_reason_never_quotes_the_file() -> None:
    for data in (b'{"people": [{"id": "secret@x.example", oops}]}', b'{"secret@x.example'):
        with pytest.raises(UnreadableFileError) as caught:
            json_rows_of(data)
        assert "secret" not in str(caught.value)
        assert caught.value.__cause__ is None
