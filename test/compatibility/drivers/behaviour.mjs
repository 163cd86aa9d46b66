// What an application could notice of a library, printed: run with and without the hooks.
import process from 'node:process';
import pg from 'pg';

const [name, url] = process.argv.slice(2);
const library = await import(`./libraries/${name}.mjs`);
const warnings = [];
process.on('warning', ({ name: kind, message }) => warnings.push(`${kind}: ${message}`));
process.on('unhandledRejection', (reason) => warnings.push(`unhandled: ${String(reason)}`));

/** Everything of an error but where it was made. */
function describe(error) {
  if (typeof error !== 'object' || error === null) return String(error);
  const chain = [];
  for (let next = Object.getPrototypeOf(error); next; next = Object.getPrototypeOf(next)) {
    chain.push(next.constructor?.name);
  }
  const own = Object.getOwnPropertyNames(error)
    .filter((key) => key !== 'stack' && key !== 'queryId')
    .map((key) => [
      key,
      key === 'cause' || key === 'parent' || key === 'original'
        ? describe(error[key])
        : shapeOf(error[key]),
    ]);
  return { chain, message: error.message, own };
}

function shapeOf(value) {
  if (typeof value === 'function') return 'function';
  if (typeof value !== 'object' || value === null) return value;
  return Array.isArray(value) ? value.map(shapeOf) : Object.keys(value);
}

async function outcomeOf(work) {
  try {
    await work();
    return 'no error';
  } catch (error) {
    return describe(error);
  }
}

function listenersOf(emitter) {
  return (emitter?.eventNames?.() ?? [])
    .map((event) => [String(event), emitter.listenerCount(event)])
    .toSorted();
}

const seen = {};
const database = await library.open({ url, max: 2 });
seen.results = [
  await database.one(1),
  await database.findItem(3),
  await database.below(4),
  await database.inTransaction(5),
];
seen.error = await outcomeOf(() => database.fail());

// On one connection: with more, the server decides about the order.
const order = [];
const note = (label) => (value) => order.push([label, typeof value === 'number' ? value : '']);
const narrow = await library.open({ url, max: 1 });
await Promise.all([
  narrow.one(1).then(note('first')),
  outcomeOf(() => narrow.fail()).then(note('failed')),
  narrow.one(2).then(note('second')),
  narrow.one(3).then(note('third')),
  narrow.findItem(2).then(note('found')),
]);
await narrow.close();
seen.orderOfEnds = order;

seen.synchronous = [];
const returned = database.one(9);
seen.synchronous.push(Object.prototype.toString.call(returned), returned.constructor.name);
seen.synchronous.push(await returned);
seen.listeners = listenersOf(database.emitter);

if (!library.isEmbedded) {
  const canceller = new pg.Client(url);
  await canceller.connect();
  const cancelled = outcomeOf(() => database.sleep(10));
  let hit = 0;
  while (hit === 0) {
    const { rowCount } = await canceller.query(
      "SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE state = 'active' AND wait_event = 'PgSleep' AND datname = current_database()",
    );
    hit = rowCount;
  }
  seen.cancelled = await cancelled;
  await canceller.end();
  if (database.cancel) seen.cancelledByDriver = await outcomeOf(() => database.cancel());
  seen.after = await database.one(4);
  const impatient = await library.open({ url, max: 1, statement_timeout: 400 });
  seen.timeout = await outcomeOf(() => impatient.sleep(5));
  seen.afterTimeout = await impatient.one(5);
  seen.listenersAfterTimeout = listenersOf(impatient.emitter);
  await impatient.close();
}

await database.close();
seen.listenersAtEnd = listenersOf(database.emitter);
// The one that says of an end that it was a crash: it is for onlookers, and changes none.
seen.processListeners = listenersOf(process).filter(
  ([event]) => event !== 'uncaughtExceptionMonitor',
);
seen.warnings = warnings;
console.log(JSON.stringify(seen));
process.exit(0);
