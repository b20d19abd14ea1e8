"""Rows that every fresh simulator has, and ids that none has."""

from local.dataverse.seed import APPLICATION_USER, SHIFT_SETUP, row_id

ELINA = row_id("contact", "elina.korhonen")  # Elina Korhonen of Aurinko Energia Oy, mobile +358504545641
MIKKO = row_id("contact", "mikko.lehtonen")
AURINKO = row_id("account", "Aurinko Energia Oy")
LAMPO = row_id("account", "Aurinko Lämpö Oy")  # its parent is Aurinko Energia Oy
COMMITTED = row_id("bookingstatus", "Committed")
SUPPORT = row_id("queue", "Support")
VIP = row_id("queue", "VIP support")
SUPPORT_CASES = row_id("queue", "Support cases")
HOME_CARE = row_id("team", "Home care")
BILLING = row_id("subject", "Billing")
METER = row_id("product", "METER-30")
ASA = row_id("systemuser", "asa.lindqvist@nordic-care.example")
ASA_OBJECT_ID = "c0ffee00-0000-4000-8000-000000000000"
CALLER = APPLICATION_USER
SETUP = SHIFT_SETUP

MISSING = "0f0f0f0f-0000-4000-8000-000000000000"
NEW = "0f0f0f0f-0000-4000-8000-000000000001"
NEW_2 = "0f0f0f0f-0000-4000-8000-000000000002"
RESOURCE = "0f0f0f0f-0000-4000-8000-0000000000a1"
CALL = "0f0f0f0f-0000-4000-8000-0000000000a2"
CASE = "0f0f0f0f-0000-4000-8000-0000000000a3"

ACCOUNT_KEY = {"account": {"keys": {"new_number": ["accountnumber"]}}}
PERSON_KEY = {"contact": {"keys": {"new_person": ["lastname", "emailaddress1"]}}}
A_RESOURCE = [{"bookableresourceid": RESOURCE, "name": "Åsa", "resourcetype": 3, "timezone": 92}]
A_CALL = [{"activityid": CALL, "subject": "Inbound"}]
A_CASE = [{"incidentid": CASE, "title": "Cold radiator", "_customerid_value": AURINKO,
           "_customerid_value@Microsoft.Dynamics.CRM.lookuplogicalname": "account"}]  # fmt: skip
