/**
 * Small programs of loads and stores, and the search through everything that a machine may make
 * of them. A machine says which moves a state allows; `explore` follows every one.
 */

/**
 * `plain` is what a compiler makes of an ordinary access. To a reader at run time it is a relaxed
 * one; the compiler may do worse to it, so what a model finds with it is the least of it.
 */
export type StoreOrder = 'plain' | 'relaxed' | 'release';
export type LoadOrder = 'relaxed' | 'acquire';

export interface Store {
  readonly does: 'store';
  readonly word: string;
  readonly value: number;
  readonly order: StoreOrder;
}

export interface Load {
  readonly does: 'load';
  readonly word: string;
  /** Where the value goes; one load for each name. */
  readonly into: string;
  readonly order: LoadOrder;
}

/** Orders everything before it against everything after it. */
export interface Fence {
  readonly does: 'fence';
}

export type Step = Store | Load | Fence;

export interface Thread {
  readonly name: string;
  readonly steps: readonly Step[];
  /** SIGKILL: it may end after any step. */
  readonly mayBeKilled?: boolean;
  /** Begins when this thread has ended, of itself or killed, and knows that it has. */
  readonly follows?: string;
}

/** Every word is 0 at first, and is stored to by one thread only. */
export type Program = readonly Thread[];

/** A complete execution, as its threads' registers and what was done of each thread. */
export interface Outcome {
  readonly registers: Readonly<Record<string, number>>;
  /** Steps of each thread that took place. */
  readonly done: Readonly<Record<string, readonly Step[]>>;
}

export interface Move<State> {
  readonly label: string;
  readonly next: State;
}

export interface Machine<State> {
  readonly name: string;
  start(program: Program): State;
  /** None where the execution is complete. */
  moves(program: Program, state: State): readonly Move<State>[];
  /** Two states with one key have the same future and the same outcomes. */
  key(program: Program, state: State): string;
  outcome(program: Program, state: State): Outcome;
}

export interface Violation {
  readonly what: string;
  /** One line a step, in the order in which they took place. */
  readonly trace: readonly string[];
}

export interface Exploration {
  readonly stateCount: number;
  readonly outcomes: readonly Outcome[];
  readonly violation: Violation | undefined;
}

/** Far above what the programs here need: a search that never ends should say so. */
const STATES_MAX = 5_000_000;

/** What is asked of a machine: everything that it may make of a program. */
export interface Explorer {
  readonly name: string;
  explore(program: Program, judge: Judge): Exploration;
}

/** What is wrong with a complete execution; undefined if nothing is. */
export type Judge = (outcome: Outcome) => string | undefined;

export function explorerOf<State>(machine: Machine<State>): Explorer {
  return { name: machine.name, explore: (program, judge) => explore(machine, program, judge) };
}

/**
 * Follows every execution, breadth first: what it finds fault with is among the shortest.
 *
 * @param judge Asked wherever every thread that loads has ended, whatever the others still do.
 * @throws RangeError if there are more than five million states.
 */
function explore<State>(machine: Machine<State>, program: Program, judge: Judge): Exploration {
  assertOneWriterAWord(program);
  assertOneLoadARegister(program);
  const loaders = program.filter(({ steps }) => steps.some(({ does }) => does === 'load'));
  const seen = new Set<string>();
  const reached: Reached<State>[] = [];
  const outcomes: Outcome[] = [];
  const reach = (state: State, label: string, before: Reached<State> | undefined): void => {
    const key = machine.key(program, state);
    if (seen.has(key)) return;
    seen.add(key);
    if (seen.size > STATES_MAX) throw new RangeError(`more than ${STATES_MAX} states`);
    reached.push({ state, label, before });
  };

  reach(machine.start(program), '', undefined);
  for (const here of reached) {
    const outcome = machine.outcome(program, here.state);
    if (loaders.every(({ name, steps }) => outcome.done[name]?.length === steps.length)) {
      const what = judge(outcome);
      if (what !== undefined) {
        return { stateCount: seen.size, outcomes, violation: { what, trace: traceOf(here) } };
      }
    }
    const moves = machine.moves(program, here.state);
    if (moves.length === 0) outcomes.push(outcome);
    for (const { next, label } of moves) reach(next, label, here);
  }
  return { stateCount: seen.size, outcomes, violation: undefined };
}

interface Reached<State> {
  readonly state: State;
  /** The step that led here. */
  readonly label: string;
  readonly before: Reached<State> | undefined;
}

function traceOf<State>(end: Reached<State>): readonly string[] {
  const labels: string[] = [];
  for (let at: Reached<State> | undefined = end; at?.before !== undefined; at = at.before) {
    labels.unshift(at.label);
  }
  return labels;
}

export function describeStep(step: Step): string {
  if (step.does === 'fence') return 'fence';
  if (step.does === 'load') return `${step.into} = load ${step.order} ${step.word}`;
  return `store ${step.order} ${step.word} = ${step.value}`;
}

/** The same text for the same values, in whatever order they were loaded. */
export function keyOf(registers: Outcome['registers']): string {
  return Object.keys(registers)
    .toSorted((a, b) => (a < b ? -1 : 1))
    .map((name) => `${name}=${registers[name]}`)
    .join(',');
}

/** The words of a program, in order of appearance: machines number them. */
export function wordsOf(program: Program): readonly string[] {
  let words = wordsOfProgram.get(program);
  if (words === undefined) {
    words = findWords(program);
    wordsOfProgram.set(program, words);
  }
  return words;
}

const wordsOfProgram = new WeakMap<Program, readonly string[]>();

function findWords(program: Program): readonly string[] {
  const words = new Set<string>();
  for (const { steps } of program) {
    for (const step of steps) if (step.does !== 'fence') words.add(step.word);
  }
  return [...words];
}

function assertOneWriterAWord(program: Program): void {
  const writers = new Map<string, string>();
  for (const { name, steps } of program) {
    for (const step of steps) {
      if (step.does !== 'store') continue;
      const writer = writers.get(step.word) ?? name;
      if (writer !== name) throw new Error(`${step.word} has two writers: ${writer}, ${name}`);
      writers.set(step.word, name);
    }
  }
}

function assertOneLoadARegister(program: Program): void {
  const registers = new Set<string>();
  for (const { steps } of program) {
    for (const step of steps) {
      if (step.does !== 'load') continue;
      if (registers.has(step.into)) throw new Error(`${step.into} is loaded twice`);
      registers.add(step.into);
    }
  }
}
