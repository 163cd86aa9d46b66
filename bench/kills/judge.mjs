/**
 * Compares a post-mortem with the victim's own notes and with what its client sent.
 *
 * Queries: those that were sent and whose answer had not begun to arrive must be named; those that
 * the application had not begun, or whose rows it had, must not be. Requests alike.
 */

const QUERY_NUMBER = /\bAS q(\d+)\b/i;

/** @throws Error where the text is none of the victim's. */
function numberOf(text) {
  const match = QUERY_NUMBER.exec(text);
  if (match === null) throw new Error(`a query that the victim never had: ${text}`);
  return Number(match[1]);
}

/**
 * @param death what `deathsOf` made of the segment.
 * @param notes what `readJournal` gave.
 * @param {Map<number, number>} sent the lane of each request that the client sent.
 * @returns {{ faults: string[], named: number }} what is wrong with the post-mortem; how many
 * queries and requests it named.
 */
export function judge(death, notes, sent) {
  const faults = [];
  const expect = (holds, what) => {
    if (!holds) faults.push(what);
  };
  const { process: dead } = death;
  expect(death.cause.kind === 'killed', `said to have ended by: ${death.cause.kind}`);
  expect(dead.problems.length === 0, `problems: ${dead.problems.join('; ')}`);

  const named = new Map();
  const namedLanes = new Set();
  for (const { route, queries } of death.requests) {
    const lane = Number(/^GET \/lane\/(\d+)$/.exec(route ?? '')?.[1] ?? -1);
    expect(lane >= 0, `a request on the route ${route}`);
    expect(!namedLanes.has(lane), `two requests on lane ${lane}`);
    namedLanes.add(lane);
    for (const { text } of queries) named.set(numberOf(text), lane);
  }
  for (const { text } of death.otherQueries) named.set(numberOf(text), -1);

  for (const number of notes.sent.keys()) {
    if (!notes.answer.has(number)) expect(named.has(number), `query ${number} is not named`);
  }
  for (const [number, lane] of named) {
    expect(notes.begin.has(number), `query ${number} had not begun`);
    expect(!notes.done.has(number), `query ${number} had ended`);
    const [request] = notes.begin.get(number) ?? [];
    expect(lane === -1 || sent.get(request) === lane, `query ${number} on lane ${lane}`);
  }

  const open = new Set(
    [...sent].filter(([request]) => !notes.closed.has(request)).map(([, lane]) => lane),
  );
  for (const lane of namedLanes) expect(open.has(lane), `no request was open on lane ${lane}`);
  for (const [request, [lane]] of notes.enter) {
    if (!notes.leave.has(request)) expect(namedLanes.has(lane), `request ${request} is not named`);
  }

  judgeRecords(dead, notes, expect);
  return { faults, named: named.size + namedLanes.size };
}

/** What had ended: every record that is accepted must be one that the victim made, whole. */
function judgeRecords(dead, notes, expect) {
  let queryCount = 0;
  let requestCount = 0;
  for (const { records } of dead.threads) {
    queryCount += records.queryCount;
    requestCount += records.requestCount;
    const texts = new Map(records.statements.map(({ id, text }) => [id, text]));
    let lastEndNs = 0;
    for (const query of records.recentQueries) {
      const number = numberOf(texts.get(query.statementId) ?? '');
      const endNs = query.startNs + query.durationNs;
      expect(notes.answer.has(number), `query ${number} had no answer, and is said to have ended`);
      expect(query.rowCount === 1 + (number % 5), `query ${number} gave ${query.rowCount} rows`);
      expect(query.outcome === 0, `query ${number} failed`);
      // pg_sleep's own: a duration of another record would hardly fit.
      expect(query.durationNs >= (number % 4) * 1e6, `query ${number} took ${query.durationNs} ns`);
      expect(query.durationNs < 60e9, `query ${number} took ${query.durationNs} ns`);
      expect(endNs >= lastEndNs, `query ${number} ended before its neighbour`);
      lastEndNs = endNs;
    }
    expect(records.dropped.torn <= 1, `${records.dropped.torn} records torn by one kill`);
    for (const kind of ['queries', 'requests', 'statements']) {
      expect(records.dropped[kind] === 0, `${records.dropped[kind]} ${kind} dropped`);
    }
  }
  expect(
    queryCount >= notes.done.size && queryCount <= notes.answer.size,
    `${queryCount} queries ended, by the notes ${notes.done.size} to ${notes.answer.size}`,
  );
  expect(
    requestCount >= notes.closed.size && requestCount <= notes.leave.size,
    `${requestCount} requests ended, by the notes ${notes.closed.size} to ${notes.leave.size}`,
  );
}
