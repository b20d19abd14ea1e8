"""The rows of a file that were not written, in the file's own layout: to be mended and dropped again."""

from collections.abc import Mapping

from functions.schedule_import.profile import ScheduleProfile
from functions.schedule_import.reading.reader import container_module, in_its_format
from functions.schedule_import.reading.records import FileContent


def write_rejected(
    content: FileContent, profile: ScheduleProfile, reasons: Mapping[int, str]
) -> tuple[bytes, str] | None:
    """A file of the rows that have a reason, with the reasons in a column of their own; None where no row has one.

    Returns its bytes and content type. No cell of it is a formula to a spreadsheet. Raises UnreadableFileError for a
    file that cannot be read as a whole.
    """
    if not reasons:
        return None
    profile = in_its_format(content, profile)
    written: tuple[bytes, str] = container_module(profile).write_rejected(content, profile, reasons)
    return written
