"""An in-memory stand-in for the Enreach Cloud API, with discovery. A development tool, never deployed.

    python -m local.enreach --port 7082

What it answers, its switches and what is assumed: docs/enreach-simulator.md. From the socket to the items:

- `application` the web server: latency, faults, counts; `faults` faults on order (`local/simulation`); `control` the
  surface `/__sim/`; `counters` what was asked; `messages` requests, responses and refusals.
- `simulator` the service as a whole, and what a reset builds anew; `environment` its switches (UNCONFIRMED facts are
  switches); `clock` its own time; `seed` the first items.
- `service` routes a request and lets it in (`accounts`); the handlers are in `people`, `calls` (`selectors`) and
  `callbacks` (`context`).
- `organisation` what there is; `feed` the events of a feed and their indexes; `assumed` the names of all fields and
  states; `rendering` and `moments` how they are written.
- `traffic` invents whole days of calls; `outbound` calls SmartRouting endpoints and webhooks as Enreach does.

Left out: classification (tag schemas), text messages, the WebSocket API, XML, TLS.
"""
