// Puts the npm client dynamics-web-api at the service of a test: one JSON command a line on standard input, one JSON
// answer a line on standard output. Started as `node dynamics_web_api.mjs <server url>`.
//
//   {"call": "create", "request": {...}}                              -> {"result": ...}
//   {"batch": [{"call": "create", "request": {...}}, ...],
//    "request": {"continueOnError": true}}                            -> {"result": [...]}
//   {"together": [{"call": "create", "request": {...}}, ...]}         -> {"result": [{"result": ...}, {"errors": [...]}]}
//   whatever the client rejects with                                  -> {"errors": [{status, code, message, ...}]}

import { createInterface } from "node:readline";
import { DynamicsWebApi } from "dynamics-web-api";

const serverUrl = process.argv[2];

async function onTokenRefresh() {
    const form = new URLSearchParams({
        grant_type: "client_credentials",
        client_id: "witness",
        client_secret: "witness",
        scope: `${serverUrl}/.default`,
    });
    const response = await fetch(`${serverUrl}/tenant/oauth2/v2.0/token`, { method: "POST", body: form });
    return (await response.json()).access_token;
}

const client = new DynamicsWebApi({
    serverUrl,
    dataApi: { version: "9.2" },
    onTokenRefresh,
    propagateErrors: true, // else a 404 or 412 of update, upsert and delete turns into `false` or `null`
    disableODataIdAbsoluteUrl: true, // the key of an UpsertMultiple target is relative
});

function described(error) {
    const { status, code, message, headers, error: inner } = error;
    return { status, code, message, headers, error: inner };
}

async function run({ call, request, batch, together }) {
    if (together !== undefined) {
        return await Promise.all(together.map(answered));
    }
    if (batch === undefined) {
        return await client[call](request);
    }
    client.startBatch();
    for (const step of batch) {
        client[step.call](step.request); // answered by executeBatch, not by a promise of its own
    }
    return await client.executeBatch(request);
}

async function answered(command) {
    try {
        return { result: (await run(command)) ?? null };
    } catch (error) {
        // a batch that stopped rejects with the answers of all parts that were run
        const failures = Array.isArray(error) ? error.filter((part) => part instanceof Error) : [error];
        return { errors: failures.map(described) };
    }
}

for await (const line of createInterface({ input: process.stdin })) {
    process.stdout.write(`${JSON.stringify(await answered(JSON.parse(line)))}\n`);
}
