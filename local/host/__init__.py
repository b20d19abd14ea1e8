"""A small functions host for one machine: it runs an Azure Functions app (Python, v2 model) without Core Tools.

Microsoft's own in-process worker (azure-functions-runtime, the package Azure uses for Python 3.13) indexes the app
and calls its functions; this package stands in for the host around it, against Azurite or any storage account with a
connection string. It mirrors what the functions see: routes, retries, poison queues, receipts, past-due timers,
a warm-up before the first caller.

What it does not do:

- scale out: one process, no leases on timers or blobs (never point two hosts with one app folder at one account);
- function keys: every caller is let in, as Core Tools does locally;
- Event Grid: blob triggers of either source are found by listing the container about once a second;
- identity-based connections: locally a connection is a connection string;
- bindings other than HTTP, queue, blob, timer and warm-up; SDK-type bindings; HTTP streaming;
- retries of the host's own (`@app.retry`): the decorator is accepted and ignored;
- binding expressions beyond `%SETTING%`, `{name}` and `{rand-guid}`;
- time zones: schedules are read in UTC.
"""
