import {
  getEnvironmentData,
  isMainThread,
  setEnvironmentData,
  threadId,
  type Worker,
} from 'node:worker_threads';

import type { EngineRecorder, RecorderCapacities, Segment, SegmentOptions } from '../engine.ts';
import { SegmentMemory } from './segment-memory.ts';

/** Under this name the threads of a process find one another's memory. */
const ENVIRONMENT_KEY = 'hyperdjango.segment@0';

const PRIVATE =
  'the portable engine records in private memory: other processes do not see it, and nothing of ' +
  'it is left after a crash';

/** @param arena the recorder's memory; undefined for memory of its own. */
export type CreateRecorder = (
  capacities: RecorderCapacities,
  arena: BigUint64Array<SharedArrayBuffer> | undefined,
) => EngineRecorder;

/**
 * This thread's arena in the segment of the process. Workers started after the first call in
 * their parent record into the same segment; one that was started earlier makes a segment of its
 * own, which only it and its own workers share.
 */
export function openPortableSegment(
  options: SegmentOptions,
  createRecorder: CreateRecorder,
): Segment {
  const shared: unknown = getEnvironmentData(ENVIRONMENT_KEY);
  const isShared = shared instanceof SharedArrayBuffer;
  const memory = isShared ? new SegmentMemory(shared) : SegmentMemory.create(options);
  if (!isShared) setEnvironmentData(ENVIRONMENT_KEY, memory.buffer);
  const arenaIndex = memory.claimArena();
  const capacities = arenaIndex === 0 ? options.mainCapacities : options.workerCapacities;
  const arena = arenaIndex === -1 ? undefined : memory.arenaWords(arenaIndex);
  const recorder = createRecorder(capacities, arena);
  if (arenaIndex !== -1) {
    memory.publishArena(arenaIndex);
    releaseAtEnd(memory, arenaIndex);
  }
  return {
    recorder,
    path: null,
    reason: [PRIVATE, ...reasonsOf(isShared, arenaIndex)].join('; '),
    arenaIndex,
    read: (firstWord, target) => memory.read(firstWord, target),
    setAppName: (name) => memory.setAppName(name),
    recordOverhead(queryCount, totalNs) {
      if (arenaIndex !== -1) memory.recordOverhead(arenaIndex, queryCount, totalNs);
    },
    setUnseen(libraries) {
      if (arenaIndex !== -1) memory.setUnseen(arenaIndex, libraries);
    },
  };
}

function reasonsOf(isShared: boolean, arenaIndex: number): string[] {
  if (arenaIndex === -1) return ['this thread found no arena'];
  const isApart = !isShared && !isMainThread;
  return isApart ? ['this worker was started before its parent recorded anything'] : [];
}

function releaseAtEnd(memory: SegmentMemory, arenaIndex: number): void {
  if (!isMainThread) process.once('exit', () => memory.releaseArena(arenaIndex, threadId));
  // A worker that is terminated runs no listener of its own.
  process.on('worker', (worker: Worker) => {
    const id = worker.threadId;
    worker.once('exit', () => {
      const left = memory.arenaOf(id);
      if (left !== -1) memory.releaseArena(left, id);
    });
  });
}
