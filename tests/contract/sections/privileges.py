"""What a caller without the right is told (facts: sections 2, 8 and 10)."""

from tests.contract.cases import Call, Case, Part, batch, delete, get, patch, post, targets, text
from tests.contract.seeded import ASA_OBJECT_ID, AURINKO, CALLER, ELINA
from tests.contract.sources import S1, S13, S16

TO_ACCOUNT = post("contacts", {"lastname": "V", "parentcustomerid_account@odata.bind": f"/accounts({AURINKO})"})


def denied(fact: str, right: str, roles: dict[str, list[str]], call: Call) -> Case:
    """A refusal that names the missing right."""
    return Case(fact=fact, source=S16, roles=roles, call=call, status=403, code="0x80040220", message=text(right))


CASES = [
    denied("a read needs the right to read", "prvReadcontact", {"contact": ["Write"]}, get(f"contacts({ELINA})")),
    denied("a query needs the right to read", "prvReadcontact", {"contact": ["Write"]}, get("contacts")),
    denied("a create needs the right to create", "prvCreatecontact", {"contact": ["Read", "Write"]},
           post("contacts", {"lastname": "V"})),
    denied("an update needs the right to write", "prvWritecontact", {"contact": ["Read", "Create"]},
           patch(f"contacts({ELINA})", {"lastname": "V"})),
    denied("a delete needs the right to delete", "prvDeletecontact", {"contact": ["Read", "Write"]},
           delete(f"contacts({ELINA})")),
    denied("a lookup needs the right to append", "prvAppendcontact", {"contact": ["Create"], "account": ["AppendTo"]},
           TO_ACCOUNT),
    denied("a lookup needs the right to append to its row", "prvAppendToaccount", {"contact": ["Create", "Append"]},
           TO_ACCOUNT),
    denied("a bulk message needs the right of each record", "prvCreatelead", {"contact": ["Create"]},
           post("leads/Microsoft.Dynamics.CRM.CreateMultiple", targets("lead", {"subject": "L"}))),
    Case(fact="the rights that are needed are enough", source=S13, call=TO_ACCOUNT, status=204, added={"contacts": 1},
         roles={"contact": ["Create", "Append"], "account": ["AppendTo"]}),
    Case(fact="a part of a batch is denied on its own", source=S16, roles={"contact": ["Create"]}, status=200,
         call=batch(post("contacts", {"lastname": "V"}), post("leads", {"subject": "L"}),
                    prefer="odata.continue-on-error"),
         parts=[Part(204), Part(403, "0x80040220")], added={"contacts": 1, "leads": 0}),
    Case(fact="acting as another user needs the right to do so", source=S1, roles={"contact": ["Read"]}, status=403,
         call=get("contacts", CallerObjectId=ASA_OBJECT_ID), message=text("prvActOnBehalfOfAnotherUser")),
    Case(fact="a user without a role is told so", source=S16, status=403, code="0x80042f09",
         roles={"contact": ["Read"], "organization": ["ActOnBehalfOfAnotherUser"]},
         call=get("contacts", CallerObjectId=ASA_OBJECT_ID)),
    Case(fact="everybody may ask who is calling", source=S13, roles={"contact": ["Read"]}, call=get("WhoAmI"),
         status=200, body={"UserId": CALLER}),
]  # fmt: skip
