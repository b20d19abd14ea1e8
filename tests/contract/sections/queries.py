"""Queries: options, operators, functions, annotations of a page (facts: section 4)."""

from typing import Any

from tests.contract.cases import ABSENT, PRESENT, Case, get, post, text
from tests.contract.seeded import (
    A_RESOURCE,
    ASA,
    ASA_OBJECT_ID,
    AURINKO,
    CALLER,
    ELINA,
    LAMPO,
    MIKKO,
    NEW,
    NEW_2,
    RESOURCE,
)
from tests.contract.sources import S1, S8, S10, S10_PAGES, S14, S18

EXCEEDED = "@Microsoft.Dynamics.CRM.totalrecordcountlimitexceeded"
PEOPLE = [
    {"leadid": NEW, "subject": "First", "firstname": "Anna", "lastname": "Ek_1", "mobilephone": "100 %",
     "donotphone": True, "createdon": "2026-01-01T08:00:00Z", "numberofemployees": 5, "telephone1": "Anna"},
    {"leadid": NEW_2, "subject": "Second", "firstname": "Bo", "lastname": "EkX1", "mobilephone": "1001",
     "createdon": "2026-02-01T08:00:00Z", "numberofemployees": 9},
]  # fmt: skip
BOTH = [{"leadid": NEW}, {"leadid": NEW_2}]
ONE, TWO = BOTH[:1], BOTH[1:]
MINE = "(subject eq 'First' or subject eq 'Second')"


def asks(fact: str, text_: str, found: list[dict[str, str]], **more: Any) -> Case:
    """The rows of PEOPLE that a filter finds."""
    call = get(f"leads?$select=subject&$orderby=subject&$filter={MINE} and ({text_})")
    return Case(fact=fact, source=S10, given={"leads": PEOPLE}, call=call, status=200, body={"value": found},
                **more)  # fmt: skip


def refuses(fact: str, options: str, **more: Any) -> Case:
    """A query that cannot be answered."""
    return Case(fact=fact, source=S10, call=get(f"contacts?{options}"), status=400, code="0x80060888",
                **more)  # fmt: skip


IN = "Microsoft.Dynamics.CRM.In(PropertyName={0},PropertyValues={1})"

CASES = [
    asks("eq compares text without regard to case", "firstname eq 'aNNa'", ONE),
    asks("ne lets rows without a value through", "telephone1 ne 'x'", BOTH, confirmed=False),
    asks("ne leaves equal values out", "firstname ne 'anna'", TWO),
    asks("gt compares numbers", "numberofemployees gt 5", TWO),
    asks("ge compares numbers", "numberofemployees ge 5", BOTH),
    asks("lt compares moments", "createdon lt 2026-02-01T08:00:00Z", ONE),
    asks("le compares moments, in any offset", "createdon le 2026-02-01T10:00:00%2B02:00", BOTH),
    asks("and binds tighter than or", "firstname eq 'Anna' or firstname eq 'Bo' and numberofemployees eq 5", ONE),
    asks("parentheses group", "(firstname eq 'Anna' or firstname eq 'Bo') and numberofemployees eq 9", TWO),
    asks("not turns around", "not (firstname eq 'Anna')", TWO),
    asks("null is compared with eq", "telephone1 eq null", TWO),
    asks("null is compared with ne", "telephone1 ne null", ONE),
    asks("a boolean is compared with a literal", "donotphone eq true", ONE),
    asks("two columns of one type are compared", "firstname eq telephone1", ONE),
    asks("contains looks anywhere", "contains(firstname,'NN')", ONE),
    asks("startswith looks at the start", "startswith(lastname,'ek')", BOTH),
    asks("endswith looks at the end", "endswith(firstname,'o')", TWO),
    asks("an underscore in a literal stands for any character", "lastname eq 'Ek_1'", BOTH),
    asks("a percent sign in a literal stands for any text", "mobilephone eq '100%25'", BOTH),
    asks("a class in brackets stands for one of its characters", "lastname eq 'Ek[XYZ]1'", TWO),
    asks("a class with a caret stands for all other characters", "lastname eq 'Ek[^X]1'", ONE),
    asks("wildcards are live inside of contains", "contains(lastname,'k_1')", BOTH),
    asks("In takes text", IN.format("'firstname'", '["Anna","Nobody"]'), ONE),
    asks("In takes numbers as text", IN.format("'numberofemployees'", '["9"]'), TWO),
    asks("In takes ids as text", IN.format("'leadid'", f'["{NEW}","{ELINA}"]'), ONE),
    asks("a literal with a doubled quote has one", "firstname eq 'O''Neill'", []),
    Case(fact="In takes parameter aliases", source=S10, given={"leads": PEOPLE}, status=200, body={"value": TWO},
         call=get(f"leads?$select=subject&$filter={IN.format('@p1', '@p2')}&@p1='firstname'&@p2=[\"Bo\",\"Cy\"]")),
    Case(fact="a lookup is compared by its property", source=S10, status=200, body={"value": [{"accountid": LAMPO}]},
         call=get(f"accounts?$select=name&$filter=_parentaccountid_value eq {AURINKO}")),
    Case(fact="a lookup is compared with quotes too", source=S10, status=200, body={"value": [{"accountid": LAMPO}]},
         call=get(f"accounts?$select=name&$filter=_parentaccountid_value eq '{AURINKO}'")),
    Case(fact="a path goes through single-valued navigation properties", source=S10, status=200,
         call=get("accounts?$select=name&$filter=parentaccountid/name eq 'Aurinko Energia Oy'"),
         body={"value": [{"accountid": LAMPO}]}),
    Case(fact="a path goes through several navigation properties", source=S10, status=200,
         call=get("accounts?$select=name&$filter=parentaccountid/createdby/fullname eq '%23 Switchboard'"
                  " and accountnumber eq 'FI-1002'"), body={"value": [{"accountid": LAMPO}]}),
    Case(fact="any looks into a collection", source=S10, status=200, body={"value": [{"activityid": NEW}]},
         first=[post("phonecalls", {"activityid": NEW, "subject": "S", "phonecall_activity_parties": [
             {"partyid_contact@odata.bind": f"/contacts({ELINA})", "participationtypemask": 1}]}),
                post("phonecalls", {"activityid": NEW_2, "subject": "S"})],
         call=get("phonecalls?$select=subject&$filter=phonecall_activity_parties/any"
                  f"(p:p/_partyid_value eq {ELINA} and p/participationtypemask eq 1)")),
    Case(fact="all looks into a collection and an empty one passes", source=S10, status=200,
         first=[post("phonecalls", {"activityid": NEW, "subject": "S", "phonecall_activity_parties": [
             {"partyid_contact@odata.bind": f"/contacts({ELINA})", "participationtypemask": 1}]}),
                post("phonecalls", {"activityid": NEW_2, "subject": "S"})],
         call=get("phonecalls?$select=subject&$filter=phonecall_activity_parties/all(p:p/participationtypemask eq 2)"),
         body={"value": [{"activityid": NEW_2}]}),
    refuses("a column in $select that is not there is refused", "$select=nosuch",
            message="Could not find a property named 'nosuch' on type 'Microsoft.Dynamics.CRM.contact'."),
    refuses("a column in $filter that is not there is refused", "$filter=nosuch eq 1",
            message="Could not find a property named 'nosuch' on type 'Microsoft.Dynamics.CRM.contact'."),
    refuses("a column in another case is not there", "$select=LastName",
            message="Could not find a property named 'LastName' on type 'Microsoft.Dynamics.CRM.contact'."),
    refuses("a column in $orderby that is not there is refused", "$orderby=nosuch desc"),
    refuses("a navigation property in $expand that is not there is refused", "$expand=nosuch"),
    refuses("$skip is not supported", "$skip=5", message=text("$skip")),
    refuses("an unterminated literal is refused", "$filter=lastname eq 'x",
            message=text("There is an unterminated literal at position ")),
    refuses("a value of another type is refused", "$filter=donotphone eq 'yes'"),
    refuses("columns of different types are not compared", "$filter=lastname eq createdon"),
    refuses("the operator in is not relied upon", "$filter=lastname in ('Korhonen')", confirmed=False),
    Case(fact="a query function knows a lookup by its logical name", source=S10, status=400, code="0x80041103",
         call=get("contacts?$filter=" + IN.format("'_parentcustomerid_value'", f'["{AURINKO}"]'))),
    Case(fact="In finds lookups by the logical name", source=S10, status=200,
         call=get("accounts?$select=name&$filter=" + IN.format("'parentaccountid'", f'["{AURINKO}"]')),
         body={"value": [{"accountid": LAMPO}]}),
    Case(fact="$orderby takes several columns and directions", source=S10, given={"leads": PEOPLE}, status=200,
         call=get(f"leads?$select=subject&$filter={MINE}&$orderby=donotphone asc,subject desc"),
         body={"value": [*TWO, *ONE]}),
    Case(fact="$top takes the first rows", source=S10_PAGES, given={"leads": PEOPLE}, status=200,
         call=get(f"leads?$select=subject&$filter={MINE}&$orderby=subject desc&$top=1"),
         body={"value": TWO, "@odata.nextLink": ABSENT}),
    Case(fact="$top is ignored with a page size", source=S10_PAGES, given={"leads": PEOPLE}, status=200,
         call=get(f"leads?$select=subject&$filter={MINE}&$orderby=subject&$top=1", prefer="odata.maxpagesize=5"),
         body={"value": BOTH}),
    Case(fact="$count counts beyond the page", source=S1, given={"leads": PEOPLE}, status=200,
         call=get(f"leads?$select=subject&$filter={MINE}&$count=true", prefer="odata.maxpagesize=1"),
         body={"@odata.count": 2, "value": [{}]}),
    Case(fact="a page holds 5,000 rows and the count stops there and says so", source=S1, status=200,
         given={"leads": [{"subject": "Many"}] * 5001},
         call=get("leads?$select=subject&$filter=subject eq 'Many'&$count=true",
                  prefer='odata.include-annotations="*"'),
         body={"@odata.count": 5000, EXCEEDED: True, "@odata.nextLink": PRESENT}),
    Case(fact="a small count says that it is whole", source=S1, given={"leads": PEOPLE}, status=200,
         call=get(f"leads?$select=subject&$filter={MINE}&$count=true", prefer='odata.include-annotations="*"'),
         body={"@odata.count": 2, EXCEEDED: False}),
    Case(fact="the last page is the rest of the rows", source=S10_PAGES, given={"leads": PEOPLE}, status=200,
         first=[get(f"leads?$select=subject&$filter={MINE}&$orderby=subject", prefer="odata.maxpagesize=1")],
         call=get("{next}", prefer="odata.maxpagesize=1"), body={"value": TWO, "@odata.nextLink": ABSENT}),
    Case(fact="the next page is an opaque cookie in the same query", source=S10_PAGES, given={"leads": PEOPLE},
         call=get(f"leads?$select=subject&$filter={MINE}", prefer="odata.maxpagesize=1"), status=200,
         body={"@odata.nextLink": text("/api/data/v9.2/leads?$select=subject&", "$skiptoken=%253Ccookie%2520pagenumber"
                                       "%253D%25222%2522%2520pagingcookie")}),
    Case(fact="a mangled cookie is refused", source=S10_PAGES, status=400, code="0x80060888",
         call=get("contacts?$skiptoken=nonsense")),
    Case(fact="$expand reads a related row with its own columns", source=S18, status=200,
         call=get(f"contacts({MIKKO})?$select=lastname&$expand=parentcustomerid_account($select=name)"),
         body={"parentcustomerid_account": {"name": "Aurinko Energia Oy", "accountid": AURINKO, "telephone1": ABSENT}}),
    Case(fact="$expand reads a collection", source=S18, status=200,
         first=[post("phonecalls", {"activityid": NEW, "subject": "S", "PhoneCall_Annotation": [{"subject": "N"}]})],
         call=get(f"phonecalls({NEW})?$select=subject&$expand=PhoneCall_Annotation($select=subject)"),
         body={"PhoneCall_Annotation": [{"subject": "N"}]}),
    Case(fact="an empty lookup expands to null", source=S18, status=200, body={"parentaccountid": None},
         call=get(f"accounts({AURINKO})?$select=name&$expand=parentaccountid($select=name)")),
    Case(fact="the bulk messages of a table are found in the message list", source=S8, status=200,
         call=get("sdkmessagefilters?$select=sdkmessagefilterid&$filter=sdkmessageid/name eq @m and "
                  "primaryobjecttypecode eq @t&@m='CreateMultiple'&@t='bookableresourcebooking'"),
         body={"value": [{"sdkmessagefilterid": PRESENT}]}),
    Case(fact="a table without bulk messages is not in the message list", source=S8, status=200, body={"value": []},
         call=get("sdkmessagefilters?$select=sdkmessagefilterid&$filter=sdkmessageid/name eq @m and "
                  "primaryobjecttypecode eq @t&@m='CreateMultiple'&@t='phonecall'")),
    Case(fact="who is calling is answered with three ids", source=S14, call=get("WhoAmI"), status=200,
         body={"UserId": CALLER, "BusinessUnitId": PRESENT, "OrganizationId": PRESENT,
               "@odata.context": text("#Microsoft.Dynamics.CRM.WhoAmIResponse")}),
    Case(fact="users are found by their Entra object id", source=S18, status=200,
         body={"value": [{"systemuserid": ASA}]},
         call=get(f"systemusers?$select=lastname&$filter=azureactivedirectoryobjectid eq {ASA_OBJECT_ID}")),
    Case(fact="a resource is found by its user", source=S18, status=200,
         given={"bookableresources": [{**A_RESOURCE[0], "_userid_value": CALLER}]},
         call=get(f"bookableresources?$select=name&$filter=_userid_value eq {CALLER}&$expand=UserId($select=fullname)"),
         body={"value": [{"bookableresourceid": RESOURCE, "UserId": {"fullname": "# Switchboard"}}]}),
]  # fmt: skip
