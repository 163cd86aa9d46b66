/**
 * What the language allows: the memory model of C11 that Zig's atomics have, as a machine of views
 * (Kang et al., "A promising semantics for relaxed-memory concurrency", without its promises; the
 * same executions as RC11's release, acquire, relaxed and fences).
 *
 * Every store to a word is kept. A thread's view says, for each word, the oldest store that it
 * may still load. A release store takes its thread's view along; an acquire load of it adds that
 * view to the loader's. Everything else may be loaded stale.
 *
 * `C11` has C11's release sequences: what a thread stores to a word after a release store to the
 * same word passes that store's view on, in whatever order it is stored itself. C++20 took that
 * away, and `CPP20` has none; processors keep it, as one word never runs backwards.
 *
 * Not covered: promises, that is stores that take place before an earlier load of the same
 * thread. They change nothing here: a reader stores nothing, a writer loads only what it stored
 * itself. Nor words with several writers, nor read-modify-write. A `plain` access counts as a
 * relaxed one, although the language promises nothing at all for it.
 */
import {
  describeStep,
  type Explorer,
  explorerOf,
  keyOf,
  type Load,
  type Machine,
  type Move,
  type Outcome,
  type Program,
  type Step,
  type Thread,
  wordsOf,
} from './program.ts';

/** By word, the place of the oldest store that may be loaded. */
type View = readonly number[];

interface Message {
  readonly value: number;
  readonly view: View;
}

interface ThreadState {
  readonly pc: number;
  readonly isKilled: boolean;
  readonly hasStarted: boolean;
  readonly current: View;
  /** What a fence would add to `current`: views of relaxed loads. */
  readonly acquirable: View;
  /** What relaxed stores take along: `current` at the last fence. */
  readonly fenced: View;
  /** By word: what relaxed stores to it take along, from the last release store to it. */
  readonly released: readonly View[];
}

interface State {
  readonly threads: readonly ThreadState[];
  /** Of each word, every store, in order; the first is the 0 that it began with. */
  readonly messages: readonly (readonly Message[])[];
  /** Fences are in one order, each knows what those before it knew. */
  readonly fenced: View;
  readonly registers: Readonly<Record<string, number>>;
}

export const C11: Explorer = explorerOf(machine('C11', true));
export const CPP20: Explorer = explorerOf(machine('C++20', false));

function machine(name: string, hasReleaseSequences: boolean): Machine<State> {
  return {
    name,
    start,
    moves: (program, state) => movesOf(program, state, hasReleaseSequences),
    key: keyOfState,
    outcome: outcomeOf,
  };
}

/** What a thread that only stores has done follows from how far it is. */
function keyOfState(program: Program, state: State): string {
  const storesOnly = program.map(({ steps }) => steps.every(({ does }) => does === 'store'));
  const threads = state.threads.map(({ pc, isKilled, hasStarted, ...views }, index) => {
    const parts = storesOnly[index] === true ? [] : [hasStarted, ...Object.values(views)];
    return [pc, isKilled, ...parts].join(' ');
  });
  const messages = storesOnly.some((each, index) => !each && hasStore(program[index]))
    ? JSON.stringify(state.messages)
    : '';
  return [...threads, state.fenced.join(','), messages, keyOf(state.registers)].join('|');
}

function hasStore(thread: Thread | undefined): boolean {
  return thread?.steps.some(({ does }) => does === 'store') === true;
}

function start(program: Program): State {
  const none = wordsOf(program).map(() => 0);
  const thread = {
    pc: 0,
    isKilled: false,
    current: none,
    acquirable: none,
    fenced: none,
    released: none.map(() => none),
  };
  return {
    threads: program.map(({ follows }) => ({ ...thread, hasStarted: follows === undefined })),
    messages: none.map(() => [{ value: 0, view: none }]),
    fenced: none,
    registers: {},
  };
}

function movesOf(
  program: Program,
  state: State,
  hasReleaseSequences: boolean,
): readonly Move<State>[] {
  const words = wordsOf(program);
  const moves: Move<State>[] = [];
  for (const [index, { name, steps, mayBeKilled, follows }] of program.entries()) {
    const thread = state.threads[index];
    const step = thread?.isKilled === false ? steps[thread.pc] : undefined;
    if (thread === undefined || step === undefined) continue;
    if (!thread.hasStarted) {
      const followed = program.findIndex((other) => other.name === follows);
      const dead = state.threads[followed];
      const hasEnded = dead?.isKilled === true || dead?.pc === program[followed]?.steps.length;
      if (dead === undefined || !hasEnded) continue;
      moves.push({
        label: `${name}: finds ${follows} dead`,
        next: withThread(state, index, {
          ...thread,
          hasStarted: true,
          current: join(thread.current, dead.current),
          acquirable: join(thread.acquirable, dead.current),
        }),
      });
      continue;
    }
    for (const { note, next } of results(state, index, step, words, hasReleaseSequences)) {
      moves.push({ label: `${name}: ${describeStep(step)}${note}`, next });
    }
    if (mayBeKilled === true) {
      moves.push({
        label: `${name}: killed`,
        next: withThread(state, index, { ...thread, isKilled: true }),
      });
    }
  }
  return moves;
}

interface Result {
  readonly note: string;
  readonly next: State;
}

function results(
  state: State,
  index: number,
  step: Step,
  words: readonly string[],
  hasReleaseSequences: boolean,
): readonly Result[] {
  const thread = state.threads[index];
  if (thread === undefined) return [];
  const moved = { ...thread, pc: thread.pc + 1 };
  if (step.does === 'fence') {
    const current = join(thread.acquirable, state.fenced);
    const fencedThread = { ...moved, current, acquirable: current, fenced: current };
    return [{ note: '', next: { ...withThread(state, index, fencedThread), fenced: current } }];
  }
  const word = words.indexOf(step.word);
  const stores = state.messages[word] ?? [];
  if (step.does === 'load') return loads(state, index, moved, step, word, stores);
  const place = stores.length;
  const current = thread.current.with(word, place);
  const carried = join(thread.fenced, thread.released[word] ?? thread.fenced).with(word, place);
  const isRelease = step.order === 'release';
  const view = isRelease ? current : carried;
  const stored = {
    ...moved,
    current,
    acquirable: thread.acquirable.with(word, place),
    released:
      isRelease && hasReleaseSequences ? thread.released.with(word, current) : thread.released,
  };
  const messages = state.messages.with(word, [...stores, { value: step.value, view }]);
  return [{ note: '', next: { ...withThread(state, index, stored), messages } }];
}

function loads(
  state: State,
  index: number,
  thread: ThreadState,
  { order, into }: Load,
  word: number,
  stores: readonly Message[],
): readonly Result[] {
  const found: Result[] = [];
  const oldest = thread.current[word] ?? 0;
  for (const [place, { value, view }] of stores.entries()) {
    if (place < oldest) continue;
    const seen = thread.current.with(word, place);
    const acquirable = join(thread.acquirable.with(word, place), view);
    const current = order === 'acquire' ? join(seen, view) : seen;
    const stale = stores.length - 1 - place;
    found.push({
      note: ` → ${value}${stale === 0 ? '' : ` (stale by ${stale})`}`,
      next: {
        ...withThread(state, index, { ...thread, current, acquirable }),
        registers: { ...state.registers, [into]: value },
      },
    });
  }
  return found;
}

function join(a: View, b: View): View {
  return a.map((place, word) => Math.max(place, b[word] ?? 0));
}

function withThread(state: State, index: number, thread: ThreadState): State {
  return { ...state, threads: state.threads.with(index, thread) };
}

function outcomeOf(program: Program, state: State): Outcome {
  const done = program.map(
    ({ name, steps }, index) => [name, steps.slice(0, state.threads[index]?.pc ?? 0)] as const,
  );
  return { registers: state.registers, done: Object.fromEntries(done) };
}
