"""Change tracking (facts: sections 2 and 11)."""

from tests.contract.cases import ABSENT, PRESENT, Case, delete, get, patch, post, text
from tests.contract.seeded import NEW, NEW_2
from tests.contract.sources import S1

ROWS = {"leads": [{"leadid": NEW, "subject": "A"}, {"leadid": NEW_2, "subject": "B"}]}
START = get("leads?$select=subject", prefer="odata.track-changes")
GONE = {"@odata.context": text("/$metadata#leads/$deletedEntity"), "id": NEW, "reason": "deleted"}

CASES = [
    Case(fact="a tracked query answers its rows and a delta link", source=S1, given=ROWS, call=START, status=200,
         headers={"Preference-Applied": text("odata.track-changes")},
         body={"value": PRESENT, "@odata.deltaLink": text("/leads?", "deltatoken=")}),
    Case(fact="a query that is not tracked has no delta link", source=S1, call=get("leads?$select=subject"), status=200,
         body={"@odata.deltaLink": ABSENT}),
    Case(fact="a delta link without changes brings nothing and the next link", source=S1, given=ROWS, first=[START],
         call=get("{delta}"), status=200, body={"value": [], "@odata.deltaLink": PRESENT}),
    Case(fact="a delta link brings what was changed", source=S1, given=ROWS, status=200,
         first=[START, patch(f"leads({NEW_2})", {"subject": "C"})], call=get("{delta}"),
         body={"value": [{"leadid": NEW_2, "subject": "C"}], "@odata.context": text("#leads(subject)/$delta")}),
    Case(fact="a delta link brings what was created", source=S1, status=200,
         first=[START, post("leads", {"leadid": NEW, "subject": "C"})], call=get("{delta}"),
         body={"value": [{"leadid": NEW, "subject": "C"}]}),
    Case(fact="a delta link tells what was deleted", source=S1, given=ROWS, status=200,
         first=[START, delete(f"leads({NEW})")], call=get("{delta}"), body={"value": [GONE]}),
    Case(fact="the next delta link begins where the last one ended", source=S1, given=ROWS, status=200,
         first=[START, delete(f"leads({NEW})"), get("{delta}"), patch(f"leads({NEW_2})", {"subject": "C"})],
         call=get("{delta}"), body={"value": [{"subject": "C"}]}),
    Case(fact="the pages of a tracked query have no delta link before the last", source=S1, given=ROWS, status=200,
         call=get("leads?$select=subject", prefer="odata.track-changes,odata.maxpagesize=1"),
         body={"@odata.nextLink": PRESENT, "@odata.deltaLink": ABSENT}),
    Case(fact="a filter is not tracked", source=S1, status=400,
         call=get("leads?$select=subject&$filter=subject eq 'A'", prefer="odata.track-changes")),
    *(
        Case(fact=f"an expired delta link asks for a full load, with {status}", source=S1, confirmed=False, given=ROWS,
             settings={"expired_delta_status": status, "delta_token_days": 0}, first=[START], call=get("{delta}"),
             status=status)
        for status in (400, 410)
    ),
]  # fmt: skip
