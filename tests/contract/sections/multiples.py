"""CreateMultiple, UpdateMultiple, UpsertMultiple, DeleteMultiple (facts: section 6 and dataverse-metadata.md 3)."""

from tests.contract.cases import EMPTY, GUID, Call, Case, Row, post, targets, text
from tests.contract.seeded import ACCOUNT_KEY, CALLER, ELINA, MIKKO, MISSING, NEW, NEW_2, SETUP
from tests.contract.sources import S8, S14, S15, S20

GOOD, BAD = {"lastname": "V"}, {"lastname": "x" * 51}
KEYED = [{"accountid": NEW, "name": "Keyed", "accountnumber": "K-1", "telephone1": "1"}]
SETS = {"contact": "contacts", "account": "accounts"}


def bulk(message: str, table: str, *rows: Row) -> Call:
    """A bulk message with these targets."""
    return post(f"{SETS.get(table, table + 's')}/Microsoft.Dynamics.CRM.{message}", targets(table, *rows))


CASES = [
    Case(fact="CreateMultiple answers the ids in order", source=S8, status=200, added={"contacts": 2},
         call=bulk("CreateMultiple", "contact", {"contactid": NEW_2, **GOOD}, {"contactid": NEW, **GOOD}),
         body={"@odata.context": text("$metadata#Microsoft.Dynamics.CRM.CreateMultipleResponse"),
               "Ids": [NEW_2, NEW]}),
    Case(fact="CreateMultiple makes ids where none is given", source=S8, status=200, added={"contacts": 2},
         call=bulk("CreateMultiple", "contact", GOOD, GOOD), body={"Ids": [GUID, GUID]}),
    *(
        Case(fact=f"one bad target of {message} undoes all", source=S8, status=400, code="0x80044331",
             call=bulk(message, "contact", {"contactid": ELINA if message == "UpdateMultiple" else NEW, **GOOD},
                       {"contactid": MIKKO if message == "UpdateMultiple" else NEW_2, **BAD}),
             added={"contacts": 0}, stored={f"contacts({ELINA})": {"lastname": "Korhonen"}})
        for message in ("CreateMultiple", "UpdateMultiple", "UpsertMultiple")
    ),
    *(
        Case(fact=f"each target of {message} needs its type", source=S8, status=400, added={"contacts": 0},
             call=post(f"contacts/Microsoft.Dynamics.CRM.{message}", {"Targets": [{"contactid": ELINA, **GOOD}]}))
        for message in ("CreateMultiple", "UpdateMultiple", "UpsertMultiple")
    ),
    Case(fact="a taken id in CreateMultiple undoes all", source=S8, status=412, code="0x80040237",
         call=bulk("CreateMultiple", "contact", GOOD, {"contactid": ELINA, **GOOD}), added={"contacts": 0}),
    Case(fact="UpdateMultiple answers 204 and changes its rows", source=S8, status=204, body=EMPTY,
         call=bulk("UpdateMultiple", "contact", {"contactid": ELINA, "jobtitle": "A"},
                   {"contactid": MIKKO, "jobtitle": "B"}), added={"contacts": 0},
         stored={f"contacts({ELINA})": {"jobtitle": "A", "lastname": "Korhonen"},
                 f"contacts({MIKKO})": {"jobtitle": "B"}}),
    Case(fact="UpdateMultiple does not create", source=S8, status=404, code="0x80040217", added={"contacts": 0},
         call=bulk("UpdateMultiple", "contact", {"contactid": ELINA, **GOOD}, {"contactid": MISSING, **GOOD}),
         stored={f"contacts({ELINA})": {"lastname": "Korhonen"}}),
    Case(fact="a target of UpdateMultiple carries its id", source=S8, status=400, added={"contacts": 0},
         call=bulk("UpdateMultiple", "contact", GOOD)),
    Case(fact="UpdateMultiple tolerates a row twice", source=S8, status=204, confirmed=False,
         call=bulk("UpdateMultiple", "contact", {"contactid": ELINA, "jobtitle": "A"},
                   {"contactid": ELINA, "jobtitle": "B"}), stored={f"contacts({ELINA})": {"jobtitle": "B"}}),
    Case(fact="UpsertMultiple by id creates and updates without telling which", source=S8, status=204, body=EMPTY,
         call=bulk("UpsertMultiple", "contact", {"contactid": ELINA, "jobtitle": "A"}, {"contactid": NEW, **GOOD}),
         added={"contacts": 1}, headers={"OData-Version": "4.0"},
         stored={f"contacts({ELINA})": {"jobtitle": "A", "lastname": "Korhonen"}, f"contacts({NEW})": GOOD}),
    Case(fact="UpsertMultiple by alternate key creates and updates", source=S8, tables=ACCOUNT_KEY, status=204,
         given={"accounts": KEYED}, added={"accounts": 1},
         call=bulk("UpsertMultiple", "account", {"@odata.id": "accounts(accountnumber='K-1')", "name": "Renamed"},
                   {"@odata.id": "accounts(accountnumber='K-2')", "name": "New"}),
         stored={f"accounts({NEW})": {"name": "Renamed", "telephone1": "1", "accountnumber": "K-1"}}),
    Case(fact="UpsertMultiple refuses a repeated key on the create path", source=S14, tables=ACCOUNT_KEY, status=400,
         call=bulk("UpsertMultiple", "account",
                   {"@odata.id": "accounts(accountnumber='K-2')", "accountnumber": "K-2", "name": "New"}),
         added={"accounts": 0}),
    Case(fact="a target of UpsertMultiple with neither id nor key is created", source=S15, status=204,
         call=bulk("UpsertMultiple", "contact", GOOD, GOOD), added={"contacts": 2}),
    Case(fact="UpsertMultiple refuses one id twice", source=S8, status=400, added={"contacts": 0},
         call=bulk("UpsertMultiple", "contact", {"contactid": NEW, **GOOD}, {"contactid": NEW, **GOOD})),
    Case(fact="UpsertMultiple refuses one alternate key twice", source=S8, tables=ACCOUNT_KEY, status=400,
         given={"accounts": KEYED}, added={"accounts": 0}, stored={f"accounts({NEW})": {"name": "Keyed"}},
         call=bulk("UpsertMultiple", "account", *[{"@odata.id": "accounts(accountnumber='K-1')", "name": "X"}] * 2)),
    Case(fact="UpsertMultiple refuses one new alternate key twice", source=S8, tables=ACCOUNT_KEY, status=400,
         added={"accounts": 0},
         call=bulk("UpsertMultiple", "account", *[{"@odata.id": "accounts(accountnumber='K-2')", "name": "X"}] * 2)),
    Case(fact="a bulk message needs targets", source=S8, status=400, added={"contacts": 0},
         call=post("contacts/Microsoft.Dynamics.CRM.CreateMultiple", {"Targets": []}), confirmed=False),
    Case(fact="a bulk message takes a thousand small rows", source=S8, status=200, added={"contacts": 1000},
         call=bulk("CreateMultiple", "contact", *[GOOD] * 1000)),
    Case(fact="one call of a bulk message is one request of the limit", source=S8, status=200,
         settings={"request_limit": 1}, call=bulk("CreateMultiple", "contact", *[GOOD] * 10), added={"contacts": 10}),
    *(
        Case(fact=f"{table} has no {message}", source=S20, status=400, confirmed=table != "systemuser",
             call=post(f"{entity_set}/Microsoft.Dynamics.CRM.{message}", targets(table, row)),
             added={entity_set: 0})
        for table, entity_set, row, messages in (
            ("phonecall", "phonecalls", {"subject": "S"}, ("CreateMultiple", "UpdateMultiple", "UpsertMultiple")),
            ("queue", "queues", {"name": "Q"}, ("CreateMultiple",)),
            ("queueitem", "queueitems", {}, ("CreateMultiple",)),
            ("annotation", "annotations", {"subject": "S"}, ("CreateMultiple",)),
            ("systemuser", "systemusers", {"systemuserid": CALLER}, ("UpdateMultiple",)),
        )
        for message in messages
    ),
    *(
        Case(fact=f"{table} has CreateMultiple", source=S20, status=200, call=bulk("CreateMultiple", table, row))
        for table, row in (
            ("msdyn_shiftplan", {"msdyn_name": "P"}), ("lead", {"subject": "L"}),
            ("msdyn_shiftactivitytype", {"msdyn_name": "T", "msdyn_shiftassignmentstatus": 192350000}),
            ("bookableresource", {"name": "R", "resourcetype": 3, "timezone": 92}),
            ("incident", {"title": "T", "customerid_contact@odata.bind": f"/contacts({ELINA})"}),
        )
    ),
    Case(fact="the setup of bookings has CreateMultiple", source=S20, status=200,
         call=bulk("CreateMultiple", "msdyn_bookingsetupmetadata", {"msdyn_entitylogicalname": "x"})),
    Case(fact="the setup of bookings has no UpdateMultiple", source=S20, status=400, confirmed=False,
         call=bulk("UpdateMultiple", "msdyn_bookingsetupmetadata", {"msdyn_bookingsetupmetadataid": SETUP})),
    Case(fact="DeleteMultiple is for elastic tables", source=S8, status=400, added={"contacts": 0},
         call=bulk("DeleteMultiple", "contact", {"contactid": ELINA})),
]  # fmt: skip
