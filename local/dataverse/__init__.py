"""A strict, in-memory stand-in for the Dataverse Web API v9.2. A development tool, never deployed.

    python -m local.dataverse --port 7081 --tls-port 7082 --columns tables.json --roles roles.json

From the socket to the rows:

- `application` the web server: tokens, faults, limits, time; `schedule` the server's slots in virtual time;
  `protection` the service protection limits; `faults` faults on order (`local/simulation`); `tokens`; `control` the
  surface `/__sim/`.
- `simulator` the environment as a whole, and what a reset builds anew; `environment` its switches (UNCONFIRMED facts
  are switches); `session` who calls; `roles` what the caller may do; `counters` what was asked.
- `service` routes one request; `batch` takes `$batch` apart; `multiples` the bulk messages; `actions`, `definitions`.
- Reading: `query` and `filters` compile the query options (`functions`, `conditions`, `periods`, `literals`,
  `likeness`, `row_tests`, `url_text`), `reading` answers (`paging`, `tracking`, `rendering`), `fetchxml`,
  `fetch_planning` and `fetch_reading`. `indexes` and `candidates` spare both of them scans.
- Writing: `payload` reads bodies (`values`), `writes` and `stamps` do what the platform does, `deletes`,
  `associations`.
- `store` rows, indexes, transactions; `metadata` and `extensions` the tables; `seed` and `planting` the first rows.
- `scheduling` Universal Resource Scheduling, `soap` the SOAP endpoint, `bags` what both carry, `safe_xml`.

Left out: plug-ins, duplicate detection, audit, elastic tables, aggregates, column security, filtering and expanding by
many-to-many relations, depths of privileges other than the organisation's.
"""
