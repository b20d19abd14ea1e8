"""One file under work: why it is imported, and what is known of it so far."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import BinaryIO

from functions.schedule_import.decide.facts import Booking
from functions.schedule_import.decide.hold import Reason
from functions.schedule_import.decide.precedence import PastImport
from functions.schedule_import.history import ImportHistory
from functions.schedule_import.profile import ScheduleProfile
from functions.schedule_import.report import ImportReport
from functions.schedule_import.use_case.worlds import ImportGateways, InboxPath
from shared.dataverse.meter import Meter
from shared.storage.files import FetchedFile
from shared.storage.leases import Lease


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """Why a file is imported: it arrived, or a person wants more than that."""

    force: bool = False
    """Compare with Dynamics even if the content was applied before."""
    approved: bool = False
    """A person has approved the plan for which the file is held."""
    again: PastImport | None = None
    """Take the archived file of this import instead of one in the inbox."""
    command: str = ""
    """The person's command, which is answered with a report of its own: `.approve`."""
    command_etag: str = ""
    """The version of the command's blob."""
    asked: datetime | None = None
    """When the person gave the command."""


ARRIVED = Order()


class HeldError(Exception):
    """Nothing may be written until a person has decided; the file stays in the inbox."""

    def __init__(self, reasons: Sequence[Reason], digest: str) -> None:
        super().__init__("; ".join(reason.text for reason in reasons))
        self.reasons, self.digest = reasons, digest


class RejectedError(Exception):
    """The file cannot be imported as it is."""


@dataclass(slots=True)
class Run:
    """One file under work, and what is known of it so far."""

    inbox: InboxPath
    order: Order
    gateways: ImportGateways
    lease: Lease
    history: ImportHistory
    past: list[PastImport]
    stream: BinaryIO
    fetched: FetchedFile
    report: ImportReport
    this: PastImport
    meter: Meter = field(default_factory=Meter)
    profile: ScheduleProfile | None = None
    companion: tuple[InboxPath, FetchedFile, BinaryIO] | None = None
    journaled: bool = False
    changed_before: list[Booking] = field(default_factory=list)
    """What earlier attempts of this import have changed or removed, as it was."""

    @property
    def known(self) -> PastImport | None:
        """What is remembered of this import."""
        return next((one for one in self.past if one.import_id == self.this.import_id), None)

    @property
    def under_way(self) -> PastImport:
        """What is to be remembered until the import has its status. One that is done once more stays applied."""
        if (again := self.order.again) is None:
            return self.this
        return replace(again, attempts=self.this.attempts, changed=again.changed or self.this.changed)
