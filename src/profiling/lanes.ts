import type { Profile, ProfileSpan } from './profile.ts';

/** A moment at which a span opens or closes. */
export interface LaneEvent {
  readonly kind: 'open' | 'close';
  readonly span: ProfileSpan;
  /** Since the start of the profile. */
  readonly atNs: number;
}

interface Lane {
  readonly events: LaneEvent[];
  /** Indexes of the spans that are open where the lane now ends. */
  readonly open: number[];
}

/**
 * Deals the spans of a profile out to lanes on which they nest, as viewers of profiles demand. A
 * span stays on its parent's lane; where that is taken by a span at the same time, or ends first,
 * it begins a lane of its own, or goes on one that is free.
 *
 * @returns the lanes, each in the order of time; the first one begins with the whole profile.
 */
export function lanesOf({ spans }: Profile): LaneEvent[][] {
  const lanes: Lane[] = [];
  const laneBySpan: Lane[] = [];
  spans.forEach((span, index) => {
    const parentLane = laneBySpan[span.parentIndex];
    let lane = [...(parentLane === undefined ? [] : [parentLane]), ...lanes].find((candidate) =>
      takes(candidate, spans, span),
    );
    if (lane === undefined) {
      lane = { events: [], open: [] };
      lanes.push(lane);
    }
    lane.open.push(index);
    lane.events.push({ kind: 'open', span, atNs: span.startNs });
    laneBySpan[index] = lane;
  });
  for (const lane of lanes) closeUntil(lane, spans, -1, Infinity);
  return lanes.map(({ events }) => events);
}

function takes(lane: Lane, spans: readonly ProfileSpan[], span: ProfileSpan): boolean {
  closeUntil(lane, spans, span.parentIndex, span.startNs);
  const topIndex = lane.open.at(-1);
  if (topIndex === undefined) return true;
  const top = spans[topIndex];
  return topIndex === span.parentIndex && top !== undefined && endOf(span) <= endOf(top);
}

/** Closes what ended by then, down to the span that is to stay open. */
function closeUntil(
  lane: Lane,
  spans: readonly ProfileSpan[],
  stayingIndex: number,
  untilNs: number,
): void {
  for (let index = lane.open.at(-1); index !== undefined; index = lane.open.at(-1)) {
    const span = spans[index];
    if (index === stayingIndex || span === undefined || endOf(span) > untilNs) return;
    lane.open.pop();
    lane.events.push({ kind: 'close', span, atNs: endOf(span) });
  }
}

function endOf(span: ProfileSpan): number {
  return span.startNs + span.durationNs;
}
