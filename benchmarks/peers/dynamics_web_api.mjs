// npm `dynamics-web-api`: the UpsertMultiple action with chunks of a size, so many at once; look-ups by Promise.all.
// Speaks the protocol of benchmarks/process.py; the rows come from the file that the job names.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";

// The bench names the folder in which it installed the package.
const { DynamicsWebApi } = createRequire(process.env.PEER_MODULES + "/")("dynamics-web-api");
const job = JSON.parse(readFileSync(0, "utf8"));
const api = new DynamicsWebApi({
  serverUrl: job.url,
  dataApi: { version: "9.2" },
  onTokenRefresh: async () => "benchmark",
  disableODataIdAbsoluteUrl: true,
});

let costs = {};
async function measured(work) {
  console.log("started");
  const wall = performance.now();
  const cpu = process.cpuUsage();
  const result = await work();
  const { user, system } = process.cpuUsage(cpu);
  costs = { wall_s: (performance.now() - wall) / 1000, cpu_s: (user + system) / 1e6 };
  return result;
}

async function atMost(width, items, work) {
  let next = 0;
  const results = [];
  await Promise.all(
    Array.from({ length: width }, async () => {
      while (next < items.length) {
        const mine = next++;
        results[mine] = await work(items[mine]).catch((error) => error);
      }
    }),
  );
  return results;
}

async function write() {
  const kind = { "@odata.type": "Microsoft.Dynamics.CRM.bookableresourcebooking" };
  const rows = JSON.parse(readFileSync(job.rows_file, "utf8")).map((row) => ({ ...kind, ...row }));
  const chunks = [];
  for (let start = 0; start < rows.length; start += job.chunk) chunks.push(rows.slice(start, start + job.chunk));
  const done = await measured(() =>
    atMost(job.width, chunks, (chunk) =>
      api
        .callAction({
          collection: "bookableresourcebookings",
          actionName: "Microsoft.Dynamics.CRM.UpsertMultiple",
          action: { Targets: chunk },
        })
        .then(() => chunk.length),
    ),
  );
  const errors = done.filter((outcome) => typeof outcome !== "number");
  const written = done.reduce((sum, outcome) => sum + (typeof outcome === "number" ? outcome : 0), 0);
  return { written, error: errors.length ? String(errors[0].message).slice(0, 200) : "" };
}

async function lookUp() {
  const ask = (number) =>
    Promise.all(
      job.look_ups[number % job.look_ups.length].map((query) =>
        api.retrieveMultiple({
          collection: query.entity_set,
          filter: query.filter,
          select: query.select,
          orderBy: query.orderby,
          top: query.top,
        }),
      ),
    ).then((answers) => answers.reduce((sum, answer) => sum + answer.value.length, 0));
  const times = [];
  let rows = 0;
  let failures = 0;
  const callers = Array.from({ length: job.callers });
  await Promise.allSettled(callers.map((_, number) => ask(number)));
  await measured(() =>
    Promise.all(
      callers.map(async (_, number) => {
        for (let asked = 0; asked < job.asks; asked++) {
          const started = performance.now();
          await ask(asked * job.callers + number).then((found) => (rows += found), () => failures++);
          times.push(performance.now() - started);
        }
      }),
    ),
  );
  return { times_ms: times, rows, failures };
}

const result = await { write, look_up: lookUp }[job.action]();
const peak = /VmHWM:\s+(\d+)/.exec(readFileSync("/proc/self/status", "utf8"));
const peakMb = (Number(peak[1]) * 1024) / 1e6;
console.log(JSON.stringify({ connections: 0, peak_mb: peakMb, ...costs, ...result }));
process.exit(0);
