/** Which limiters run a task in the context of another request: what `docs/context.md` says. */
import { AsyncResource } from 'node:async_hooks';

import { expect, it } from 'vitest';

import { getRecorder, type Scope } from '../../../src/recorder/index.ts';

type Task = () => Promise<void>;
type Add = (task: Task) => Promise<unknown>;

// oxlint-disable-next-line typescript/no-explicit-any -- what they export is called as their pages say
async function load(name: string): Promise<any> {
  const module = (await import(name)) as { default?: unknown };
  return module.default ?? module;
}

const queue = async (name: string): Promise<Add> => {
  const PQueue = await load(name);
  const limiter = new PQueue({ concurrency: 2 });
  return (task) => limiter.add(task);
};

const LIMITERS: Record<string, [keeps: boolean, make: () => Promise<Add>]> = {
  'p-queue 9': [false, () => queue('p-queue9')],
  'p-queue 10': [true, () => queue('p-queue10')],
  'p-limit 4': [false, async () => (await load('p-limit4'))(2)],
  'p-limit 5': [true, async () => (await load('p-limit5'))(2)],
  fastq: [
    false,
    async () => {
      const limiter = (await load('fastq')).promise((task: Task) => task(), 2);
      return (task) => limiter.push(task);
    },
  ],
  async: [
    false,
    async () => {
      const limiter = (await load('async')).queue(async (task: Task) => task(), 2);
      return (task) => limiter.push(task);
    },
  ],
  bottleneck: [
    false,
    async () => {
      const Bottleneck = await load('bottleneck');
      const limiter = new Bottleneck({ maxConcurrent: 2 });
      return (task) => limiter.schedule(task);
    },
  ],
  'promise-limit': [false, async () => (await load('promise-limit'))(2)],
  queue: [
    false,
    async () => {
      const Queue = await load('queue');
      const limiter = new Queue({ concurrency: 2, autostart: true });
      return (task) =>
        new Promise<void>((resolve) => void limiter.push(() => task().then(resolve)));
    },
  ],
  dataloader: [
    false,
    async () => {
      const DataLoader = await load('dataloader');
      const limiter = new DataLoader(
        async (tasks: readonly Task[]) => {
          for (const task of tasks) await task();
          return tasks;
        },
        { cache: false },
      );
      return (task) => limiter.load(task);
    },
  ],
};

/** How many of six requests see their task run in their own context. */
async function countOwn(add: Add, bind: (task: Task) => Task): Promise<number> {
  const recorder = getRecorder();
  const seen: (Scope | undefined)[] = [];
  const scopes = Array.from({ length: 6 }, (_, index) => recorder.openScope('job', `job ${index}`));
  await Promise.all(
    scopes.map((scope, index) =>
      recorder.runIn(scope, () =>
        add(
          bind(async () => {
            seen[index] = recorder.currentScope();
            await new Promise((resolve) => setImmediate(resolve));
          }),
        ),
      ),
    ),
  );
  for (const scope of scopes) recorder.closeScope(scope, { statusCode: 0, isAborted: false });
  return seen.filter((scope, index) => scope === scopes[index]).length;
}

it.each(Object.entries(LIMITERS))('%s', async (_, [keeps, make]) => {
  const own = await countOwn(await make(), (task) => task);
  if (keeps) expect(own).toBe(6);
  else expect(own).toBeLessThan(6);
});

it.each(Object.entries(LIMITERS))('%s, given tasks that are bound', async (_, [, make]) => {
  expect(await countOwn(await make(), (task) => AsyncResource.bind(task))).toBe(6);
});
