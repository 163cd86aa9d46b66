/**
 * What processors do: one memory for all, and in each thread steps that may overtake one another.
 *
 * `arm64` allows what the architecture's model allows to programs like ours, and more: steps may
 * take place in any order but where
 *   - both are on the same word,
 *   - the earlier one is a load-acquire, or the later one a store-release,
 *   - a store-release comes before a load-acquire,
 *   - a fence lies between.
 * Dependencies and branches order nothing here (loads run ahead of branches), which makes the
 * model weaker than the machine: what it finds right is right there. `x86` allows a store to be
 * overtaken by a later load of another word, nothing else.
 *
 * Not covered: threads that load what they have just stored (a store buffer forwards it), and
 * words that several threads store to. No program here has either.
 */
import {
  describeStep,
  type Explorer,
  explorerOf,
  keyOf,
  type Machine,
  type Move,
  type Outcome,
  type Program,
  type Step,
  wordsOf,
} from './program.ts';

interface State {
  /** A bit for each step that has taken place, by thread. */
  readonly done: readonly number[];
  readonly killed: readonly boolean[];
  readonly memory: readonly number[];
  readonly registers: Readonly<Record<string, number>>;
}

/** Whether `later` has to wait for `earlier`, which comes before it in the same thread. */
type MustWait = (earlier: Step, later: Step) => boolean;

const arm64: MustWait = (earlier, later) => {
  if (earlier.does === 'fence' || later.does === 'fence') return true;
  if (earlier.word === later.word) return true;
  if (earlier.does === 'load' && earlier.order === 'acquire') return true;
  if (later.does === 'store' && later.order === 'release') return true;
  return (
    earlier.does === 'store' &&
    earlier.order === 'release' &&
    later.does === 'load' &&
    later.order === 'acquire'
  );
};

const x86: MustWait = (earlier, later) => {
  const isStoreThenLoad = earlier.does === 'store' && later.does === 'load';
  return !isStoreThenLoad || earlier.word === later.word;
};

export const ARM64: Explorer = explorerOf(machine('arm64', arm64));
export const X86: Explorer = explorerOf(machine('x86', x86));

function machine(name: string, mustWait: MustWait): Machine<State> {
  return {
    name,
    start: (program) => ({
      done: program.map(() => 0),
      killed: program.map(() => false),
      memory: wordsOf(program).map(() => 0),
      registers: {},
    }),
    moves: (program, state) => movesOf(program, state, mustWait),
    key: (_, { done, killed, memory, registers }) =>
      [done, killed.map(Number), memory, keyOf(registers)].join('|'),
    outcome: outcomeOf,
  };
}

function movesOf(program: Program, state: State, mustWait: MustWait): readonly Move<State>[] {
  const words = wordsOf(program);
  const moves: Move<State>[] = [];
  for (const [index, thread] of program.entries()) {
    const done = state.done[index] ?? 0;
    if (hasEnded(program, state, index)) continue;
    if (thread.follows !== undefined) {
      const followed = program.findIndex(({ name }) => name === thread.follows);
      if (!hasEnded(program, state, followed)) continue;
    }
    for (const [at, step] of thread.steps.entries()) {
      if ((done >> at) & 1) continue;
      const isFree = thread.steps
        .slice(0, at)
        .every((earlier, place) => (done >> place) & 1 || !mustWait(earlier, step));
      if (!isFree) continue;
      moves.push({
        label: `${thread.name}: ${describeStep(step)}${loaded(step, words, state)}`,
        next: take(state, index, at, step, words),
      });
    }
    if (thread.mayBeKilled === true) {
      const killed = state.killed.with(index, true);
      moves.push({ label: `${thread.name}: killed`, next: { ...state, killed } });
    }
  }
  return moves;
}

function loaded(step: Step, words: readonly string[], state: State): string {
  return step.does === 'load' ? ` → ${state.memory[words.indexOf(step.word)] ?? 0}` : '';
}

function take(
  state: State,
  thread: number,
  at: number,
  step: Step,
  words: readonly string[],
): State {
  const done = state.done.with(thread, (state.done[thread] ?? 0) | (1 << at));
  if (step.does === 'fence') return { ...state, done };
  const word = words.indexOf(step.word);
  if (step.does === 'store') {
    return { ...state, done, memory: state.memory.with(word, step.value) };
  }
  return {
    ...state,
    done,
    registers: { ...state.registers, [step.into]: state.memory[word] ?? 0 },
  };
}

function hasEnded(program: Program, state: State, index: number): boolean {
  const stepCount = program[index]?.steps.length ?? 0;
  return state.killed[index] === true || state.done[index] === 2 ** stepCount - 1;
}

function outcomeOf(program: Program, state: State): Outcome {
  const done = program.map(({ name, steps }, index) => {
    const bits = state.done[index] ?? 0;
    return [name, steps.filter((_, at) => (bits >> at) & 1)] as const;
  });
  return { registers: state.registers, done: Object.fromEntries(done) };
}
