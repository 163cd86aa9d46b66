// Runs the cases with one library, and prints what the recorder saw and what the library gave.
import process from 'node:process';

const [name, url] = process.argv.slice(2);
const { recorder, ended } = globalThis.recording;
const library = await import(`./libraries/${name}.mjs`);
const SCOPES = 200;

/** Runs the work in a scope of its own, and gives what was recorded in it. */
async function inScope(scopeName, work) {
  const first = ended.length;
  const scope = recorder.openScope('job', scopeName);
  try {
    // Some queries run only where they are awaited.
    await recorder.runIn(scope, async () => {
      await work();
    });
  } finally {
    recorder.closeScope(scope, { statusCode: 0, isAborted: false });
  }
  return ended.slice(first).filter((query) => query.scope === scopeName);
}

const database = await library.open({ url, max: 5 });
// A server in this process starts to count when it is open.
if (database.statements) ended.length = 0;
await database.one(0);

const found = await inScope('text', () => database.findItem(3));

let rows = [];
const rowQueries = await inScope('rows', async () => {
  rows = await database.below(5);
});

const startMs = performance.now();
const slept = await inScope('duration', () => database.sleep(0.05));
const clientMs = performance.now() - startMs;

let error;
const failed = await inScope('error', async () => {
  try {
    await database.fail();
  } catch (thrown) {
    error = thrown.cause ?? thrown.parent ?? thrown.nativeError ?? thrown;
  }
});

const transaction = await inScope('transaction', () => database.inTransaction(7));

async function callSitesOf(work) {
  const queries = await inScope('sites', async () => {
    for (let run = 0; run < 4; run += 1) await work();
  });
  // Slonik resets its connections.
  return queries
    .filter(({ text }) => text !== 'DISCARD ALL')
    .map(({ callSite }) => callSite ?? null);
}

const sites = { findItem: await callSitesOf(() => database.findItem(3)) };
for (const [site, work] of Object.entries(database.sites ?? {})) {
  sites[site] = await callSitesOf(work);
}

const repeated = await inScope('values', async () => {
  for (const id of [3, 3, 4, 3]) await database.findItem(id);
});

async function saturate(label, work) {
  const first = ended.length;
  await Promise.all(
    Array.from({ length: SCOPES }, (_, n) =>
      inScope(`${label} ${n}`, async () => {
        await work(n);
        await work(n);
      }),
    ),
  );
  const numbered = ended.slice(first).filter(({ sql }) => / AS n\b/.test(sql));
  const numberOf = ({ sql, values }) => values?.[0] ?? /\d+/.exec(sql)?.[0];
  const wrong = numbered.filter((query) => query.scope !== `${label} ${numberOf(query)}`);
  return { seen: numbered.length, wrong: wrong.length, example: wrong[0] };
}

const saturated = {
  plain: await saturate('plain', (n) => database.one(n)),
  inTransaction: await saturate('transaction', (n) => database.inTransaction(n)),
};

/** Runs by fingerprint of what succeeded, since the process started. */
function countByFingerprint() {
  const counts = {};
  for (const { isError, fingerprint, text } of ended) {
    if (isError) continue;
    counts[fingerprint] ??= { text, count: 0 };
    counts[fingerprint].count += 1;
  }
  return counts;
}

const inProcess = database.statements && countByFingerprint();
const server = await database.statements?.();
await database.close();
// Some libraries reset a connection that was given back a little later.
const counted = inProcess ?? countByFingerprint();
const { inFlightQueries, dropped } = recorder.core.snapshot();

console.log(
  JSON.stringify({
    node: process.versions.node,
    texts: found.map(({ text }) => text),
    models: found.map(({ model }) => model),
    rows: { returned: rows.length, recorded: rowQueries.map(({ rowCount }) => rowCount) },
    duration: { recordedMs: slept.map(({ durationMs }) => durationMs), clientMs },
    error: { code: error?.code, recorded: failed.map(({ sqlState }) => sqlState) },
    transaction: transaction.map(({ text }) => text),
    sites,
    parameterHashes: repeated
      .filter(({ text }) => text !== 'DISCARD ALL')
      .map(({ parameterHash }) => parameterHash ?? null),
    callers: String(database.callers ?? ''),
    saturated,
    server,
    ended: counted,
    left: inFlightQueries.length,
    dropped,
    faults: recorder.faultCount,
  }),
);
process.exit(0);
