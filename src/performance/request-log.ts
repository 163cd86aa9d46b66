import type { RequestRow } from '../dashboard/index.ts';

/** One request that has ended, as it is written down. */
export type LoggedRequest = Omit<RequestRow, 'id' | 'pid' | 'method' | 'route' | 'queryMs'> & {
  /** Such as `GET /users/:id`. */
  readonly name: string;
  readonly queryMs: number;
};

/** The columns of a request, all of them numbers. */
const STATUS = 0;
const STARTED_AT = 1;
const DURATION_MS = 2;
const QUERY_COUNT = 3;
const QUERY_MS = 4;
const SLOW_COUNT = 5;
const N_PLUS_ONE_COUNT = 6;
const ABORTED = 7;
const COLUMNS = 8;

/**
 * The last `capacity` requests, in columns: an object for each would live long enough to be copied
 * by the collector, and to be replaced when it is old.
 */
export class RequestLog {
  readonly #capacity: number;
  readonly #names: string[] = [];
  #numbers = new Float64Array(0);
  #addedCount = 0;

  constructor(capacity: number) {
    this.#capacity = capacity;
  }

  /** Of all requests, those included that are forgotten. */
  get addedCount(): number {
    return this.#addedCount;
  }

  add(request: LoggedRequest): void {
    const index = this.#addedCount % this.#capacity;
    const first = index * COLUMNS;
    if (first === this.#numbers.length) this.#grow();
    const numbers = this.#numbers;
    numbers[first + STATUS] = request.status;
    numbers[first + STARTED_AT] = request.startedAt;
    numbers[first + DURATION_MS] = request.durationMs;
    numbers[first + QUERY_COUNT] = request.queryCount;
    numbers[first + QUERY_MS] = request.queryMs;
    numbers[first + SLOW_COUNT] = request.slowCount;
    numbers[first + N_PLUS_ONE_COUNT] = request.nPlusOneCount;
    numbers[first + ABORTED] = request.aborted ? 1 : 0;
    this.#names[index] = request.name;
    this.#addedCount += 1;
  }

  newestFirst(): RequestRow[] {
    const length = Math.min(this.#addedCount, this.#capacity);
    return Array.from({ length }, (_, age) => this.#row(this.#addedCount - age));
  }

  /** @param id counts the requests from 1 on. */
  #row(id: number): RequestRow {
    const index = (id - 1) % this.#capacity;
    const name = this.#names[index] ?? '';
    const space = name.indexOf(' ');
    const number = (column: number): number => this.#numbers[index * COLUMNS + column] ?? 0;
    return {
      id,
      pid: process.pid,
      method: name.slice(0, space),
      route: name.slice(space + 1),
      status: number(STATUS),
      startedAt: number(STARTED_AT),
      durationMs: number(DURATION_MS),
      queryCount: number(QUERY_COUNT),
      queryMs: number(QUERY_MS),
      slowCount: number(SLOW_COUNT),
      nPlusOneCount: number(N_PLUS_ONE_COUNT),
      aborted: number(ABORTED) === 1,
    };
  }

  /** By doubling: most applications see fewer requests than the log may hold. */
  #grow(): void {
    const capacity = Math.min(this.#capacity, Math.max(64, (2 * this.#numbers.length) / COLUMNS));
    const grown = new Float64Array(capacity * COLUMNS);
    grown.set(this.#numbers);
    this.#numbers = grown;
  }
}
