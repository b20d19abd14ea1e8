"""FetchXML (facts: section 4)."""

import re
from urllib.parse import quote

from tests.contract.cases import ABSENT, PRESENT, Call, Case, get, text
from tests.contract.seeded import AURINKO, ELINA, MIKKO
from tests.contract.sources import S14

MORE, COOKIE = "@Microsoft.Dynamics.CRM.morerecords", "@Microsoft.Dynamics.CRM.fetchxmlpagingcookie"
PAGING = 'odata.include-annotations="Microsoft.Dynamics.CRM.fetchxmlpagingcookie,Microsoft.Dynamics.CRM.morerecords"'
LEADS = {"leads": [{"subject": f"T{number}", "lastname": "F"} for number in range(3)]}
INSIDE = """<entity name="lead"><attribute name="subject"/><order attribute="subject"/>
<filter><condition attribute="lastname" operator="eq" value="F"/></filter></entity>"""
FIRST, LAST = [{"subject": "T0"}, {"subject": "T1"}], [{"subject": "T2"}]


def fetch(inside: str, attributes: str = "", prefer: str = "", entity_set: str = "leads") -> Call:
    """A GET with the query in its URL."""
    return get(f"{entity_set}?fetchXml={quote(f'<fetch {attributes}>{inside}</fetch>')}", prefer)


CASES = [
    Case(fact="a fetch reads the chosen columns in order", source=S14, given=LEADS, status=200,
         call=fetch(INSIDE), body={"value": [*FIRST, *LAST], COOKIE: ABSENT}),
    Case(fact="a page of a fetch names the next one when asked", source=S14, given=LEADS, status=200,
         call=fetch(INSIDE, 'count="2" page="1"', PAGING),
         body={"value": FIRST, MORE: True, COOKIE: re.compile(
             '<cookie pagenumber="2" pagingcookie="%253[cC]cookie[^"]*" istracking="False" ?/>')}),
    Case(fact="no annotation of the paging comes unless it is asked for", source=S14, given=LEADS, status=200,
         call=fetch(INSIDE, 'count="2"'), body={"value": FIRST, MORE: ABSENT, COOKIE: ABSENT}),
    Case(fact="the last page of a fetch is by its number", source=S14, given=LEADS, status=200,
         call=fetch(INSIDE, 'count="2" page="2"', PAGING), body={"value": LAST}),
    Case(fact="a fetch takes the first rows", source=S14, given=LEADS, status=200,
         call=fetch(INSIDE, 'top="2"'), body={"value": FIRST}),
    Case(fact="a fetch follows a link to a column of another table", source=S14, status=200,
         call=fetch(f"""<entity name="contact"><attribute name="lastname"/><filter><condition attribute="contactid"
            operator="eq" value="{ELINA}"/></filter><link-entity name="account" from="accountid" to="parentcustomerid"
            alias="company"><attribute name="name"/></link-entity></entity>""", entity_set="contacts"),
         body={"value": [{"lastname": "Korhonen", "company.name": "Aurinko Energia Oy"}]}),
    Case(fact="a fetch filters by several values", source=S14, status=200,
         call=fetch("""<entity name="contact"><attribute name="lastname"/><order attribute="lastname"/><filter>
            <condition attribute="lastname" operator="in"><value>Korhonen</value><value>Lehtonen</value></condition>
            </filter></entity>""", entity_set="contacts"),
         body={"value": [{"contactid": ELINA}, {"contactid": MIKKO}]}),
    Case(fact="a fetch finds lookups by the logical name", source=S14, status=200,
         call=fetch(f"""<entity name="account"><attribute name="name"/><filter><condition attribute="parentaccountid"
            operator="eq" value="{AURINKO}"/></filter></entity>""", entity_set="accounts"),
         body={"value": [{"name": "Aurinko Lämpö Oy", "accountid": PRESENT}]}),
    Case(fact="a fetch of a column that is not there is refused", source=S14, status=400, code="0x80041103",
         call=fetch('<entity name="lead"><attribute name="nosuch"/></entity>'),
         message=text("nosuch")),
    Case(fact="a fetch of another table than the collection's is refused", source=S14, status=400,
         call=fetch('<entity name="contact"><attribute name="lastname"/></entity>')),
    Case(fact="a fetch by page number ends at 50,000 rows", source=S14, status=400,
         call=fetch("""<entity name="contact"><link-entity name="account" from="accountid" to="parentcustomerid"
            alias="a"><order attribute="name"/></link-entity></entity>""", 'count="5000" page="11"',
                    entity_set="contacts")),
    Case(fact="a fetch with a document type is refused", source=S14, status=400, confirmed=False,
         call=get("leads?fetchXml=" + quote('<!DOCTYPE x [<!ENTITY a "b">]><fetch><entity name="lead"/></fetch>'))),
]  # fmt: skip
