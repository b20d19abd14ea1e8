"""Checks of a zip archive (XLSX) before anything in it is parsed; headers lie, so it is inflated and counted."""

import codecs
import re
import zipfile
import zlib
from collections.abc import Iterator
from typing import BinaryIO

from functions.schedule_import.reading.segments import UnreadableFileError

MAX_ENTRIES = 200
MAX_ENTRY_BYTES = 128 * 1024 * 1024
MAX_TOTAL_BYTES = 256 * 1024 * 1024
MAX_RATIO = 100
"""Inflated to packed size, as Apache POI limits it; judged from this size on, below it no harm is done."""
_RATIO_FROM_BYTES = 1024 * 1024
MAX_PART_BYTES = 8 * 1024 * 1024
"""Styles, properties, lists of parts: what is parsed as a whole."""
MAX_STRINGS_BYTES = 48 * 1024 * 1024
"""Texts of all cells, which are held in memory."""
MAX_TAGS_AT_ONCE = 50_000
"""Between the ends of two rows of a sheet or of two texts: what is between them is held in memory at once."""
MAX_TAGS_OF_A_PART = 400_000
"""Of a part that is parsed as a whole."""
MAX_ROWS = 600_000

_ZIP, _OLE = b"PK\x03\x04", bytes.fromhex("d0cf11e0a1b11ae1")
_CHUNK_BYTES = 256 * 1024
_DOCUMENT_TYPE = (b"<!DOCTYPE", b"<!ENTITY")
_LONGEST_MARK = max(map(len, _DOCUMENT_TYPE))
_DECLARED_ENCODING = re.compile(rb"""\s*<\?xml[^>]*?\sencoding\s*=\s*["']([^"']*)""")
_NOT_UTF_8 = "a part of the workbook is not UTF-8 text; open it in Excel and save it again"


def check_workbook(stream: BinaryIO) -> frozenset[str]:
    """The sheets' parts that hold formulas. Raises UnreadableFileError for anything that is not a safe, whole XLSX."""
    stream.seek(0)
    beginning = stream.read(8)
    if not beginning:
        raise UnreadableFileError("the file is empty; export it again")
    if beginning == _OLE:
        raise UnreadableFileError(
            "the file is protected by a password or of the old XLS format; save it as XLSX without a password"
        )
    if not beginning.startswith(_ZIP):
        raise UnreadableFileError("the file is no XLSX workbook; is this the right folder for this file?")
    try:
        with zipfile.ZipFile(stream) as archive:
            _check_headers(archive, stream.seek(0, 2))
            return frozenset(entry.filename for entry in archive.infolist() if _inflated(archive, entry))
    except UnreadableFileError:
        raise
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, ValueError, OSError):
        raise UnreadableFileError("the workbook is cut or damaged; export it again") from None


def _check_headers(archive: zipfile.ZipFile, file_bytes: int) -> None:
    entries = archive.infolist()
    if len(entries) > MAX_ENTRIES:
        raise UnreadableFileError(f"the workbook has {len(entries)} parts; the limit is {MAX_ENTRIES}")
    if len({entry.filename for entry in entries}) < len(entries):
        raise UnreadableFileError("the workbook has a part twice; export it again")
    if sum(entry.compress_size for entry in entries) > file_bytes:
        raise UnreadableFileError("the workbook lies about its size; export it again")
    if sum(entry.file_size for entry in entries) > MAX_TOTAL_BYTES:
        raise UnreadableFileError(f"the workbook inflates to more than {MAX_TOTAL_BYTES} bytes; split it")
    for entry in entries:
        _check_entry(entry)
    if "[Content_Types].xml" not in archive.namelist():
        raise UnreadableFileError("the file is an archive and no XLSX workbook; save it as XLSX")


def _check_entry(entry: zipfile.ZipInfo) -> None:
    name = entry.filename
    if name.startswith(("/", "\\")) or ".." in name.replace("\\", "/").split("/") or ":" in name:
        raise UnreadableFileError("the workbook has a part outside of itself; export it again")
    if entry.flag_bits & 1:
        raise UnreadableFileError("the workbook is protected by a password; save it without one")
    if entry.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise UnreadableFileError("the workbook is packed in a way that XLSX does not know; export it again")
    if entry.file_size > _limit(name):
        raise UnreadableFileError(f"a part of the workbook inflates to {entry.file_size} bytes; split it")
    _check_ratio(entry, entry.file_size)


def _limit(name: str) -> int:
    lower = name.lower()
    if lower.endswith("sharedstrings.xml"):
        return MAX_STRINGS_BYTES
    if _is_sheet(name) or not lower.endswith((".xml", ".rels")):
        return MAX_ENTRY_BYTES
    return MAX_PART_BYTES


def _check_ratio(entry: zipfile.ZipInfo, inflated: int) -> None:
    if inflated > _RATIO_FROM_BYTES and inflated > MAX_RATIO * entry.compress_size:
        raise UnreadableFileError(
            f"a part of the workbook inflates to more than {MAX_RATIO} times its size; that is no schedule"
        )


def _is_sheet(name: str) -> bool:
    lower = name.lower()
    return lower.startswith("xl/worksheets/") and lower.endswith(".xml")


def _inflated(archive: zipfile.ZipFile, entry: zipfile.ZipInfo) -> bool:
    """Inflate a part to its end, which also checks its sum. Whether it has formulas."""
    name = entry.filename.lower()
    end_of_piece = b"row>" if _is_sheet(name) else b"si>" if name.endswith("sharedstrings.xml") else None
    most_tags = MAX_TAGS_AT_ONCE if end_of_piece else MAX_TAGS_OF_A_PART
    is_xml = name.endswith((".xml", ".rels"))
    total = tags = rows = 0
    formulas = False
    end_before = b""
    for text in _chunks(archive, entry):
        if is_xml and not total:
            _check_encoding(text)
        total += len(text)
        if total > _limit(entry.filename):
            raise UnreadableFileError("a part of the workbook is larger than it says; export it again")
        _check_ratio(entry, total)
        if not is_xml:
            continue
        if b"\0" in text:
            raise UnreadableFileError(_NOT_UTF_8)
        seam, end_before = end_before + text[:_LONGEST_MARK], text[-_LONGEST_MARK:]
        if any(mark in text or mark in seam for mark in _DOCUMENT_TYPE):
            raise UnreadableFileError("a part of the workbook declares a document type (DTD); that is no schedule")
        pieces = text.split(end_of_piece) if end_of_piece else [text]
        most = max(tags + pieces[0].count(b"<"), *(piece.count(b"<") for piece in pieces[1:]), 0)
        tags = pieces[-1].count(b"<") + (tags if len(pieces) == 1 else 0)
        rows += text.count(b"<row") + text.count(b":row ") if end_of_piece == b"row>" else 0
        if most > most_tags or rows > MAX_ROWS:
            raise UnreadableFileError("a part of the workbook has far more rows or cells than a schedule; split it")
        formulas = formulas or b"<f" in text or b":f" in text
    return formulas and _is_sheet(name)


def _check_encoding(beginning: bytes) -> None:
    """The checks here look for bytes: refuse what a parser would read as others (UTF-16, EBCDIC).

    The specification allows UTF-16 beside UTF-8; no spreadsheet writes it.
    """
    declared = _DECLARED_ENCODING.match(beginning.removeprefix(codecs.BOM_UTF8))
    if declared and declared[1].lower() not in (b"utf-8", b"utf8", b"us-ascii"):
        raise UnreadableFileError(_NOT_UTF_8)


def _chunks(archive: zipfile.ZipFile, entry: zipfile.ZipInfo) -> Iterator[bytes]:
    with archive.open(entry) as part:
        while chunk := part.read(_CHUNK_BYTES):
            yield chunk
