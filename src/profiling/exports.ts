import { lanesOf } from './lanes.ts';
import type { Profile } from './profile.ts';

/** A node of a flame graph, as d3-flame-graph and its kin draw it. */
export interface FlameGraphNode {
  readonly name: string;
  /** Nanoseconds, those of the children included. */
  readonly value: number;
  readonly children: readonly FlameGraphNode[];
}

/** https://www.speedscope.app/file-format-schema.json, with event profiles only. */
export interface SpeedscopeFile {
  readonly $schema: 'https://www.speedscope.app/file-format-schema.json';
  readonly name: string;
  readonly exporter: string;
  readonly activeProfileIndex: number;
  readonly shared: { readonly frames: readonly { readonly name: string }[] };
  readonly profiles: readonly {
    readonly type: 'evented';
    readonly name: string;
    readonly unit: 'nanoseconds';
    readonly startValue: number;
    readonly endValue: number;
    readonly events: readonly {
      readonly type: 'O' | 'C';
      readonly frame: number;
      readonly at: number;
    }[];
  }[];
}

/** The Trace Event Format's JSON object, with complete events; times in microseconds. */
export interface ChromeTrace {
  readonly displayTimeUnit: 'ns';
  readonly traceEvents: readonly (
    | {
        readonly ph: 'X';
        readonly name: string;
        readonly cat: 'hyperdjango';
        readonly ts: number;
        readonly dur: number;
        readonly pid: number;
        readonly tid: number;
      }
    | {
        readonly ph: 'M';
        readonly name: 'process_name';
        readonly pid: number;
        readonly tid: number;
        readonly args: { readonly name: string };
      }
  )[];
}

interface GrowingNode extends FlameGraphNode {
  value: number;
  readonly children: GrowingNode[];
}

/**
 * Sums a profile up for a flame graph: spans of one name below one parent become one node.
 *
 * Spans that ran at the same time add up, so a parent is at least as wide as its children
 * together.
 *
 * @example
 * ```ts
 * import { Profiler, toFlameGraph } from 'hyperdjango/profiling';
 *
 * const profiler = new Profiler('nightly report');
 * profiler.span('load', () => {});
 * profiler.span('load', () => {});
 * const { children } = toFlameGraph(profiler.finish());
 * children.map(({ name }) => name); // ['load']
 * ```
 */
export function toFlameGraph({ spans }: Profile): FlameGraphNode {
  const nodes: GrowingNode[] = [];
  spans.forEach(({ name, parentIndex, durationNs }, index) => {
    const siblings = nodes[parentIndex]?.children;
    let node = siblings?.find((sibling) => sibling.name === name);
    if (node === undefined) {
      node = { name, value: 0, children: [] };
      siblings?.push(node);
    }
    node.value += durationNs;
    nodes[index] = node;
  });
  // Children come after their parents.
  for (const node of nodes.toReversed()) {
    const below = node.children.reduce((sum, child) => sum + child.value, 0);
    node.value = Math.max(node.value, below);
  }
  return nodes[0] ?? { name: '', value: 0, children: [] };
}

/**
 * A profile as a file for https://www.speedscope.app. Spans that ran at the same time are in
 * profiles of their own in it.
 *
 * @example
 * ```ts
 * import { writeFile } from 'node:fs/promises';
 * import { tmpdir } from 'node:os';
 * import { join } from 'node:path';
 * import { Profiler, toSpeedscope } from 'hyperdjango/profiling';
 *
 * const profile = new Profiler('nightly report').finish();
 * const file = join(tmpdir(), 'nightly-report.speedscope.json');
 * await writeFile(file, JSON.stringify(toSpeedscope(profile)));
 * ```
 */
export function toSpeedscope(profile: Profile): SpeedscopeFile {
  const frameByName = new Map<string, number>();
  const frameOf = (name: string): number => {
    const frame = frameByName.get(name) ?? frameByName.size;
    frameByName.set(name, frame);
    return frame;
  };
  const profiles = lanesOf(profile).map((events, index) => ({
    type: 'evented' as const,
    name: index === 0 ? profile.name : `${profile.name}, at the same time (${index})`,
    unit: 'nanoseconds' as const,
    startValue: 0,
    endValue: profile.durationNs,
    events: events.map(({ kind, span, atNs }) => ({
      type: kind === 'open' ? ('O' as const) : ('C' as const),
      frame: frameOf(span.name),
      at: atNs,
    })),
  }));
  return {
    $schema: 'https://www.speedscope.app/file-format-schema.json',
    name: profile.name,
    exporter: 'hyperdjango',
    activeProfileIndex: 0,
    shared: { frames: [...frameByName.keys()].map((name) => ({ name })) },
    profiles,
  };
}

/**
 * A profile as a file for `chrome://tracing`, Perfetto and the browsers' developer tools.
 *
 * @example
 * ```ts
 * import { Profiler, toChromeTrace } from 'hyperdjango/profiling';
 *
 * const profiler = new Profiler('nightly report');
 * profiler.span('load', () => {});
 * const { traceEvents } = toChromeTrace(profiler.finish());
 * traceEvents.map(({ ph }) => ph); // ['M', 'X', 'X']
 * ```
 */
export function toChromeTrace(profile: Profile): ChromeTrace {
  const spans = lanesOf(profile).flatMap((events, lane) =>
    events
      .filter(({ kind }) => kind === 'open')
      .map(({ span }) => ({
        ph: 'X' as const,
        name: span.name,
        cat: 'hyperdjango' as const,
        ts: span.startNs / 1e3,
        dur: span.durationNs / 1e3,
        pid: 1,
        tid: lane + 1,
      })),
  );
  const name = { ph: 'M' as const, name: 'process_name' as const, pid: 1, tid: 1 };
  return {
    displayTimeUnit: 'ns',
    traceEvents: [{ ...name, args: { name: profile.name } }, ...spans],
  };
}
