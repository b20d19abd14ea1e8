"""Service protection limits (facts: section 7)."""

import re

from tests.contract.cases import ABSENT, Case, batch, get, post, text
from tests.contract.sources import S9, S9_SPEED

LONG_WAIT = re.compile("2[5-9][0-9]|30[01]")

CASES = [
    Case(fact="too many requests are refused with the wait until the window has room", source=S9, status=429,
         settings={"request_limit": 2}, first=[get("WhoAmI")] * 2, call=get("WhoAmI"), code="0x80072322",
         message="Number of requests exceeded the limit of 2 over time window of 300 seconds.",
         headers={"Retry-After": LONG_WAIT}),
    Case(fact="a refused write is not done", source=S9, status=429, settings={"request_limit": 1},
         first=[get("WhoAmI")], call=post("contacts", {"lastname": "V"}), code="0x80072322", added={"contacts": 0}),
    Case(fact="a batch is one request of the limit", source=S9, status=200, settings={"request_limit": 1},
         call=batch(*[get("WhoAmI")] * 20)),
    Case(fact="a request above the limit is refused as a whole batch", source=S9, status=429, code="0x80072322",
         settings={"request_limit": 1}, first=[get("WhoAmI")], call=batch(post("contacts", {"lastname": "V"})),
         added={"contacts": 0}),
    Case(fact="too much execution time is refused", source=S9, status=429, code="0x80072321",
         settings={"execution_limit_ms": 20, "single_write_ms": 25},
         first=[post("contacts", {"lastname": "V"})], call=get("WhoAmI"), headers={"Retry-After": LONG_WAIT},
         message="Combined execution time of incoming requests exceeded limit of 20 milliseconds over time window of "
                 "300 seconds. Decrease number of concurrent requests or reduce the duration of requests and try "
                 "again later."),
    Case(fact="the limit of execution time is written in groups of three digits", source=S9, status=429,
         settings={"execution_limit_ms": 1_100, "single_write_ms": 1_100}, code="0x80072321",
         first=[post("contacts", {"lastname": "V"})], call=get("WhoAmI"),
         message=text("exceeded limit of 1,100 milliseconds over")),
    Case(fact="the time of a bulk message counts in full", source=S9, status=429, code="0x80072321",
         settings={"execution_limit_ms": 20, "bulk_record_ms": 10}, call=get("WhoAmI"),
         first=[post("contacts/Microsoft.Dynamics.CRM.CreateMultiple",
                     {"Targets": [{"@odata.type": "Microsoft.Dynamics.CRM.contact", "lastname": "V"}] * 3})]),
    Case(fact="too many requests at once are refused at once", source=S9, status=429, code="0x80072326",
         settings={"max_concurrent": 1, "latency_ms": 400}, meanwhile=get("WhoAmI"), call=get("WhoAmI"),
         message="Number of concurrent requests exceeded the limit of 1.",
         headers={"Retry-After": re.compile(r"[1-9]\d*")}),
    Case(fact="the wait grows while the caller keeps pushing", source=S9, status=429, settings={"request_limit": 1},
         first=[get("WhoAmI"), *[get("WhoAmI", answered=429)] * 50], call=get("WhoAmI"), code="0x80072322",
         headers={"Retry-After": re.compile("30[3-9]")}),
    Case(fact="a request after the window is answered", source=S9, status=200, settings={"request_limit": 1,
         "window_s": 0.02, "latency_ms": 30}, first=[get("WhoAmI")], call=get("WhoAmI")),
    Case(fact="no answer within the limits asks to wait", source=S9_SPEED, status=200, call=get("WhoAmI"),
         headers={"Retry-After": ABSENT}),
    Case(fact="what is left of the requests goes down", source=S9, status=200, settings={"request_limit": 100},
         first=[get("WhoAmI")] * 3, call=get("WhoAmI"),
         headers={"x-ms-ratelimit-burst-remaining-xrm-requests": "96"}),
]  # fmt: skip
