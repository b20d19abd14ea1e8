"""The story of the demo, chapter by chapter. Every number in it is read back from the running parts."""

from collections import defaultdict
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from local.demo import callbacks, calls, tickets, timeline
from local.demo.doors import DemoError, Doors

type Json = dict[str, Any]

POOL = "+35840675644"
CALLS = (
    ("Elina of Aurinko Energia, a VIP customer", "+358504545641", True, 200),
    ("a number that Dynamics does not know", "+358401110000", True, 204),
    ("the same VIP, but with a wrong key", "+358504545641", False, 401),
)
CASE_POOL = "+358406750003"
CASE_CALLER = ("Outi of Turun Seudun Vesi", "+358501230195")
CASE_OWNER = ("Päivi Mäkelä", "paivi.makela@nordic-care.example", "+35898550044")
"""Who has the caller's open case in local/dataverse/seed.json: name, e-mail, number."""
_ANSWER_SECONDS = 10.0
"""Longer than the app remembers what Dynamics said of a caller."""
_MAX_LINES = 12


class Story:
    """Tells what happens while it happens."""

    def __init__(self, console: Console, doors: Doors, pictures: Path) -> None:
        self._console, self._doors, self._pictures = console, doors, pictures

    def tell(self, file: Path, profile: str) -> None:
        """The whole story. Raises DemoError where it ends otherwise than it should."""
        data = file.read_bytes()
        self._first_drop(file, profile, data)
        self._second_drop(file, profile, data)
        self._taken_back(file, profile)
        self._bad_file(file, profile)
        self._calls()
        self._call_for_the_one_on_shift()
        self._calls_in_dynamics()
        self._callbacks()
        self._tickets()

    def _chapter(self, number: int, title: str) -> None:
        self._console.print()
        self._console.rule(f"[bold]{number}. {title}[/bold]", align="left")

    def _first_drop(self, file: Path, profile: str, data: bytes) -> None:
        self._chapter(1, "A WFM system drops its schedule file")
        lines = data.count(b"\n") + (not data.endswith(b"\n"))
        self._console.print(f"{file.name}: {len(data):,} bytes, {lines:,} lines -> schedules/{profile}/")
        report = self._doors.drop(profile, file.name, data)
        self._show_report(report)
        if report["status"] not in {"imported", "unchanged"}:
            raise DemoError(f"the file is {report['status']}: {'; '.join(report['reasons'])}")
        bookings = self._doors.bookings()
        self._expect(len(bookings) == report["created"], "Dynamics holds as many bookings as the report says")
        if bookings:
            self._show_agents(bookings)
            picture = self._pictures / f"{file.name}.svg"
            timeline.draw(bookings, f"Bookings in Dynamics from {file.name}", picture)
            self._console.print(f"A picture of it: [link={picture.as_uri()}]{picture}[/link]", soft_wrap=True)

    def _second_drop(self, file: Path, profile: str, data: bytes) -> None:
        self._chapter(2, "The same file arrives a second time")
        before = self._doors.records_written()
        report = self._doors.drop(profile, file.name, data)
        written = self._doors.records_written() - before
        self._console.print(
            f"Report: {report['status']}, {report['unchanged']} bookings as they should be. "
            f"Rows written in Dynamics: [bold]{written}[/bold]"
        )
        self._expect(written == 0, "the second drop writes nothing")

    def _taken_back(self, file: Path, profile: str) -> None:
        self._chapter(3, "A planner takes the import back, and then wants it after all")
        booked = len(self._doors.bookings())
        if not booked:
            self._console.print("Nothing of this file was written, so there is nothing to take back.")
            return
        undone = self._doors.command(profile, file.name, "undo")
        self._console.print(
            f"An empty blob {file.name}.undo beside the file: {undone['status']}, "
            f"{_count(undone['removed'], 'booking')} removed"
        )
        self._expect(not self._doors.bookings(), "after .undo Dynamics is as it was before the import")
        forced = self._doors.command(profile, file.name, "force")
        self._console.print(
            f"An empty blob {file.name}.force: {forced['status']}, {_count(forced['created'], 'booking')} created"
        )
        self._expect(len(self._doors.bookings()) == booked, "after .force every booking is back")

    def _bad_file(self, file: Path, profile: str) -> None:
        self._chapter(4, "Somebody drops a file that is no schedule")
        before = self._doors.records_written()
        report = self._doors.drop(profile, "customers.csv", b"Name;Phone;City\nAalto;050 000 000;Espoo\n")
        self._console.print(
            f"schedule-reports/{profile}/customers.csv.report.json says: [bold]{report['status']}[/bold]"
        )
        for reason in report["reasons"]:
            self._console.print(f"  {reason}")
        self._expect(report["status"] == "rejected", "a file that is no schedule is rejected")
        self._expect(self._doors.records_written() == before, "a rejected file writes nothing")

    def _calls(self) -> None:
        self._chapter(5, f"Enreach asks where calls to {POOL} should go")
        table = Table("caller", "answer", "target", "ms", show_edge=False)
        expected = []
        for who, anum, right_key, status in CALLS:
            answered, body, milliseconds = self._doors.route(anum, POOL, right_key=right_key)
            table.add_row(who, str(answered), (body or {}).get("InitialTarget", "-"), f"{milliseconds:.0f}")
            expected.append((who, status, answered))
        self._console.print(table)
        for who, status, answered in expected:
            self._expect(status == answered, f"{who} gets {status}")

    def _call_for_the_one_on_shift(self) -> None:
        caller, anum = CASE_CALLER
        owner, email, number = CASE_OWNER
        self._chapter(6, "An imported shift decides who gets a call")
        self._console.print(f"{caller} has an open case with {owner}, and calls {CASE_POOL}.")
        table = Table("the case owner", "answer", "target", "ms", show_edge=False)
        answered, body, milliseconds = self._doors.route(anum, CASE_POOL)
        table.add_row("no shift is known", str(answered), (body or {}).get("InitialTarget", "-"), f"{milliseconds:.0f}")
        now = datetime.now(UTC).replace(second=0, microsecond=0)
        start, end = (f"{now + timedelta(hours=hours):%Y-%m-%dT%H:%MZ}" for hours in (-1, 3))
        report = self._doors.drop(
            "switchboard-csv", "today.csv", f"agent,start,end,activity\n{email},{start},{end},Chat".encode()
        )
        self._expect(report["status"] == "imported", f"a shift of {owner} from {start} to {end} is imported")
        answered, body, milliseconds = self._doors.route_to(number, anum, CASE_POOL, within=_ANSWER_SECONDS)
        target = (body or {}).get("InitialTarget", "-")
        table.add_row(f"on shift until {_short(end)} UTC", str(answered), target, f"{milliseconds:.0f}")
        self._console.print(table)
        self._expect(target == number, f"{caller} reaches {owner}, who is on shift")

    def _calls_in_dynamics(self) -> None:
        self._chapter(7, "The calls of the last two hours become phone calls in Dynamics")
        users = {user["UserName"].partition("@")[0].lower(): user for user in self._doors.in_enreach("users")}
        queue = next(queue for queue in self._doors.in_enreach("queues") if calls.POOL in (queue["Numbers"] or ()))
        ids, events, services = calls.events(calls.CALLS, users, queue, datetime.now(UTC))
        self._doors.happen(calls=events, servicecalls=services)
        self._doors.sync_calls()
        histories = [self._doors.history(call_id) for call_id in ids]
        table = Table("call", "kind", "direction", "customer", "owner", "outcome", show_edge=False)
        problems = []
        for told, history in zip(calls.CALLS, histories, strict=True):
            row = self._doors.phone_call(history["phoneCallId"]) if history["phoneCallId"] else {}
            owner = row.get("_ownerid_value@OData.Community.Display.V1.FormattedValue")
            customer = "yes" if row.get("_regardingobjectid_value") else "-"
            table.add_row(told.what, told.kind, told.direction, customer, owner or "-", history["outcome"])
            if (history["outcome"], owner) != (told.outcome, told.owner):
                problems.append(told.what)
        self._console.print(table)
        self._expect(not problems, f"each call ends as it should: {', '.join(problems)}")
        self._doors.tickets_settled()
        before = self._doors.records_written()
        self._doors.sync_calls()
        self._doors.tickets_settled()
        written = self._doors.records_written() - before
        self._console.print(f"A second run reads the same calls. Rows written in Dynamics: [bold]{written}[/bold]")
        self._expect(written == 0, "the second run writes nothing")
        told, history = next(
            pair for pair in zip(calls.CALLS, histories, strict=True) if pair[1]["outcome"] == "switched-off"
        )
        self._console.print(f'Why is "{told.what}" not in Dynamics? GET /api/calls/{history["callId"]}', soft_wrap=True)
        self._console.print(f"  {history['outcome']}: {history['reason']}")

    def _callbacks(self) -> None:
        self._chapter(8, "Callers who want to be called back wait in a queue of Dynamics")
        callback_list = next(each for each in self._doors.in_enreach("callbacklists") if each["Name"] == callbacks.LIST)
        ids, items = callbacks.items(callbacks.REQUESTS, callback_list, datetime.now(UTC))
        self._doors.happen(callbacks=items)
        self._doors.sync_callbacks()
        histories = [self._doors.callback_history(callback_id) for callback_id in ids]
        queue = self._doors.in_queue(callbacks.QUEUE)
        states = {item["Id"]: item["State"] for item in self._doors.in_enreach("callbacks")}
        table = Table(
            "request", "outcome", "customer", "due (UTC)", f"in {callbacks.QUEUE}", "Enreach", show_edge=False
        )
        problems = []
        for asked, history, callback_id in zip(callbacks.REQUESTS, histories, ids, strict=True):
            row = self._doors.phone_call(history["phoneCallId"])
            customer, is_queued = bool(row["_regardingobjectid_value"]), row["activityid"] in queue
            is_head = asked.outcome == "queued"
            table.add_row(
                asked.what,
                history["outcome"],
                "yes" if customer else "-",
                _short(row["scheduledend"]) if is_head else "-",
                "yes" if is_queued else "no",
                states[callback_id],
            )
            told = (history["outcome"], is_queued, states[callback_id], customer or not asked.has_customer)
            if told != (asked.outcome, True, "ClosedSuccessfully", True):
                problems.append(asked.what)
        self._console.print(table)
        self._expect(not problems, f"each request waits in the queue: {', '.join(problems)}")
        rows = {history["phoneCallId"] for history in histories}
        self._console.print(
            f"{len(ids)} requests, [bold]{len(rows)}[/bold] phone calls: a repeat is a note on the one that is open."
        )
        self._expect(len(rows) == len(ids) - 1, "a repeat is no phone call of its own")
        before = self._doors.records_written()
        self._doors.sync_callbacks()
        written = self._doors.records_written() - before
        self._console.print(f"A second run reads the same list. Rows written in Dynamics: [bold]{written}[/bold]")
        self._expect(written == 0, "the second run writes nothing")

    def _tickets(self) -> None:
        self._chapter(9, "A call that matters becomes one case for the agent who took it")
        users = {user["UserName"].partition("@")[0].lower(): user for user in self._doors.in_enreach("users")}
        queues = {queue["Name"]: queue for queue in self._doors.in_enreach("queues")}
        ids, events, services = tickets.events(tickets.CALLS, users, queues, datetime.now(UTC))
        self._doors.happen(calls=events, servicecalls=services)
        self._doors.sync_calls()
        self._doors.tickets_settled()
        histories = [self._doors.history(call_id) for call_id in ids]
        table = Table("call", "ticket", "case", "owner", "told", show_edge=False)
        problems = []
        for told, history in zip(tickets.CALLS, histories, strict=True):
            case = self._doors.case(history["cases"][0]["id"]) if history["cases"] else {}
            owner = case.get("_ownerid_value@OData.Community.Display.V1.FormattedValue") if told.agent else "-"
            request = history["ticketRequest"]
            table.add_row(
                told.what,
                request["outcome"],
                case.get("title", "-"),
                owner or "-",
                "yes" if case and self._doors.is_told_of(case["incidentid"]) else "-",
            )
            wanted = None if told.same_case_as is None else histories[told.same_case_as]["cases"]
            if request["outcome"] != told.outcome or wanted not in (None, history["cases"]):
                problems.append(told.what)
        self._console.print(table)
        self._expect(not problems, f"each call ends as it should: {', '.join(problems)}")
        opened = {case["id"] for history in histories for case in history["cases"]}
        self._console.print(
            f"{len(ids)} calls, [bold]{len(opened)}[/bold] cases: a repeated call is a note on its case."
        )
        self._console.print(f"The desktop opens the first by {histories[0]['cases'][0]['link']}", soft_wrap=True)
        self._console.print(f"Why no case of the last one? GET /api/calls/{ids[-1]}", soft_wrap=True)
        self._console.print(
            f"  {histories[-1]['ticketRequest']['outcome']}: {histories[-1]['ticketRequest']['reason']}"
        )
        before = self._doors.records_written()
        for call_id in ids:
            self._doors.ask_for_ticket({"version": 1, "callId": call_id})
        self._doors.ask_for_ticket({"version": 1})
        self._doors.tickets_settled()
        written = self._doors.records_written() - before
        self._console.print(
            f"All requests come a second time, and a broken one with them. Rows written in Dynamics: "
            f"[bold]{written}[/bold]"
        )
        self._expect(written == 0, "a request that comes again writes nothing")
        (parked,) = self._doors.parked()
        self._console.print(f"The broken one is parked: {parked['code']}: {parked['reason']}")

    # ------------------------------------------------------------------------------------------- telling

    def _show_report(self, report: Json) -> None:
        self._console.print(
            f"Report: [bold]{report['status']}[/bold], {_count(report['rows'], 'row')}, "
            f"{_count(report['agents'], 'agent')}, {_count(report['created'], 'booking')} created, "
            f"{_count(len(report['skipped']), 'row')} skipped; "
            f"{_count(report['dataverseRequests'], 'Dataverse request')} in {report['seconds']} s"
        )
        for skip in report["skipped"][:_MAX_LINES]:
            column = f", column {skip['column']}" if "column" in skip else ""
            self._console.print(f"  line {skip['row']}{column}: {skip['code']}: {skip['reason']}", highlight=False)
        if len(report["skipped"]) > _MAX_LINES:
            self._console.print(f"  and {len(report['skipped']) - _MAX_LINES} more in the report")

    def _show_agents(self, bookings: Sequence[Json]) -> None:
        table = Table("agent", show_edge=False)
        for heading in ("bookings", "first (UTC)", "last (UTC)", "hours open to routing"):
            table.add_column(heading, no_wrap=True, justify="right")
        by_agent: defaultdict[str, list[Json]] = defaultdict(list)
        for booking in bookings:
            by_agent[booking["Resource"]["name"]].append(booking)
        for agent, rows in sorted(by_agent.items())[:_MAX_LINES]:
            ready = sum(
                row["duration"] for row in rows
                if row["msdyn_shiftactivitytype"]["msdyn_shiftassignmentstatus"] == timeline.AVAILABLE
            )  # fmt: skip
            first, last = min(row["starttime"] for row in rows), max(row["endtime"] for row in rows)
            table.add_row(agent, str(len(rows)), _short(first), _short(last), f"{ready / 60:.2f}")
        self._console.print(table)
        if len(by_agent) > _MAX_LINES:
            self._console.print(f"  and {len(by_agent) - _MAX_LINES} more agents")

    def _expect(self, holds: bool, what: str) -> None:
        if not holds:
            raise DemoError(f"this should hold and does not: {what}")


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def _short(utc_text: str) -> str:
    return utc_text[:16].replace("T", " ")
