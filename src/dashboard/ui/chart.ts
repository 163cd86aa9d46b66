import uPlot from 'uplot';

import type { RequestRow } from '../data.ts';
import { FLAG_MARKS, flagsOf } from './flags.tsx';
import { formatClock } from './format.ts';
import { latestInOrder } from './order.ts';

export type ChartScale = 'log' | 'linear';

/** Bars stay this far apart, so that each can be told and pointed at. */
const SLOT_PX_MIN = 5;
const SLOT_PX_MAX = 28;
const BAR_PX_MAX = 12;
const AXIS_PX = 58;
/** uPlot's name for it is a const enum, which a module that is compiled alone cannot read. */
// oxlint-disable-next-line typescript/no-unsafe-enum-assignment
const LOGARITHMIC = 3 as uPlot.Scale.Distr.Logarithmic;

/** Room over the highest bar for the marks. */
const HEADROOM = { log: 2.2, linear: 1.25 } as const;

export interface RequestChart {
  /** @param rows newest first, as the API gives them. */
  update(rows: readonly RequestRow[], scale: ChartScale): void;
  destroy(): void;
}

export interface PointedRequest {
  readonly row: RequestRow;
  /** Where the bar's middle is, from the left edge of the chart. */
  readonly leftPx: number;
  /** Of the whole chart. */
  readonly widthPx: number;
}

/**
 * One bar a request, the newest at the right: its lower, darker part is the time in queries.
 * Requests lie one beside the other and not where their time would put them, for a burst
 * would be one blot; the axis tells the time.
 */
export function createRequestChart(
  parent: HTMLElement,
  onPoint: (pointed: PointedRequest | undefined) => void,
): RequestChart {
  let latest: readonly RequestRow[] = [];
  let shown: readonly RequestRow[] = [];
  let slotCount = 1;
  let scale: ChartScale = 'log';
  let chart: uPlot | undefined;

  const darkScheme = matchMedia('(prefers-color-scheme: dark)');
  const resizing = new ResizeObserver(() => {
    if (parent.clientWidth !== chart?.width) show();
  });
  const recreate = (): void => {
    chart?.destroy();
    chart = undefined;
    show();
  };

  function show(): void {
    const width = parent.clientWidth;
    if (width === 0) return;
    const capacity = Math.floor((width - AXIS_PX) / SLOT_PX_MIN);
    shown = latestInOrder(latest, capacity);
    // Few requests stay slim bars at the right instead of a few broad ones.
    slotCount = Math.max(shown.length, Math.floor((width - AXIS_PX) / SLOT_PX_MAX));
    const columns: uPlot.AlignedData = [
      shown.map((_, index) => index),
      shown.map((row) => Math.max(row.durationMs, 0.001)),
    ];
    const height = parent.clientHeight;
    if (chart === undefined) {
      chart = new uPlot(createOptions(width, height), columns, parent);
    } else {
      if (chart.width !== width || chart.height !== height) chart.setSize({ width, height });
      chart.setData(columns);
    }
  }

  function clockAt(index: number): string {
    const row = shown[index];
    return row === undefined ? '' : formatClock(row.startedAt);
  }

  function createOptions(width: number, height: number): uPlot.Options {
    const colors = readColors(parent);
    const axis = {
      stroke: colors.axis,
      ticks: { show: false },
      font: '11px system-ui, sans-serif',
    };
    return {
      width,
      height,
      padding: [4, 4, 0, 0],
      legend: { show: false },
      cursor: {
        y: false,
        points: { show: false },
        drag: { x: false, y: false },
      },
      scales: {
        x: {
          time: false,
          range: () => [shown.length - slotCount - 0.5, Math.max(shown.length, 1) - 0.5],
        },
        y:
          scale === 'log'
            ? { distr: LOGARITHMIC, log: 10, range: () => rangeOfLog(shown) }
            : { range: () => [0, maxOf(shown) * HEADROOM.linear] },
      },
      axes: [
        {
          ...axis,
          size: 28,
          gap: 8,
          space: 80,
          grid: { show: false },
          values: (_, splits) =>
            splits.map(clockAt).map((text, i, texts) => (text === texts[i - 1] ? '' : text)),
        },
        {
          ...axis,
          size: AXIS_PX,
          grid: { stroke: colors.grid, width: 1 },
          ...(scale === 'log' && { splits: () => logSplits(rangeOfLog(shown)), filter: keepAll }),
          values: (_, splits) => splits.map((ms) => formatTick(ms)),
        },
      ],
      series: [{}, { paths: () => null, points: { show: false } }],
      hooks: {
        draw: [(self) => drawBars(self, shown, slotCount, colors)],
        setCursor: [
          (self) => {
            const { idx, left = -1 } = self.cursor;
            const row = idx === null || idx === undefined || left < 0 ? undefined : shown[idx];
            onPoint(
              row === undefined
                ? undefined
                : {
                    row,
                    leftPx: self.valToPos(idx ?? 0, 'x') + self.over.offsetLeft,
                    widthPx: self.width,
                  },
            );
          },
        ],
      },
    };
  }

  resizing.observe(parent);
  // The colours are drawn, so they don't follow by themselves.
  darkScheme.addEventListener('change', recreate);

  return {
    update(rows, nextScale) {
      latest = rows;
      if (nextScale === scale) return show();
      scale = nextScale;
      recreate();
    },
    destroy() {
      resizing.disconnect();
      darkScheme.removeEventListener('change', recreate);
      chart?.destroy();
    },
  };
}

interface ChartColors {
  readonly axis: string;
  readonly grid: string;
  readonly rest: string;
  readonly query: string;
  readonly slow: string;
  readonly 'n-plus-one': string;
  readonly error: string;
}

function readColors(element: HTMLElement): ChartColors {
  const style = getComputedStyle(element);
  const read = (name: string): string => style.getPropertyValue(`--${name}`).trim();
  return {
    axis: read('muted'),
    grid: read('line-soft'),
    rest: read('chart-rest'),
    query: read('chart-query'),
    slow: read('slow'),
    'n-plus-one': read('n-plus-one'),
    error: read('error'),
  };
}

function drawBars(
  chart: uPlot,
  rows: readonly RequestRow[],
  slotCount: number,
  colors: ChartColors,
): void {
  const { ctx, bbox } = chart;
  const pixelRatio = uPlot.pxRatio;
  const slot = bbox.width / slotCount;
  const width = Math.max(Math.min(slot * 0.7, BAR_PX_MAX * pixelRatio), 1);
  const bottom = bbox.top + bbox.height;
  const topOf = (ms: number): number =>
    Math.min(Math.max(chart.valToPos(Math.max(ms, 1e-3), 'y', true), bbox.top), bottom);

  ctx.save();
  ctx.textAlign = 'center';
  ctx.textBaseline = 'bottom';
  ctx.font = `${9 * pixelRatio}px system-ui, sans-serif`;
  rows.forEach((row, index) => {
    const center = chart.valToPos(index, 'x', true);
    const left = center - width / 2;
    // A request that took no time to speak of is still one.
    const top = Math.min(topOf(row.durationMs), bottom - pixelRatio);
    ctx.fillStyle = colors.rest;
    ctx.fillRect(left, top, width, bottom - top);
    if (row.queryCount > 0 && row.queryMs !== null) {
      const queryTop = Math.max(topOf(row.queryMs), top);
      ctx.fillStyle = colors.query;
      ctx.fillRect(left, queryTop, width, bottom - queryTop);
    }
    flagsOf(row).forEach((flag, position) => {
      ctx.fillStyle = colors[flag];
      if (position === 0) ctx.fillRect(left, top, width, Math.min(2 * pixelRatio, bottom - top));
      ctx.fillText(FLAG_MARKS[flag], center, top - (2 + position * 10) * pixelRatio);
    });
  });
  ctx.restore();
}

function maxOf(rows: readonly RequestRow[]): number {
  return rows.reduce((most, row) => Math.max(most, row.durationMs), 1);
}

/** From the decade under the shortest request, over two decades at least. */
function rangeOfLog(rows: readonly RequestRow[]): [number, number] {
  const shortest = rows.reduce((least, row) => Math.min(least, row.durationMs), maxOf(rows));
  const low = 10 ** Math.floor(Math.log10(Math.max(shortest * 0.9, 0.1)));
  return [low, Math.max(maxOf(rows) * HEADROOM.log, low * 100)];
}

/** 1, 10, 100 …; where there are few decades, 3, 30 … too, which lie half-way. */
function logSplits([low, high]: [number, number]): number[] {
  const decadeCount = Math.log10(high / low);
  const splits: number[] = [];
  for (let decade = low; decade <= high; decade *= 10) {
    splits.push(decade);
    if (decadeCount < 3.5 && decade * 3 <= high) splits.push(decade * 3);
  }
  return splits;
}

function keepAll(_: uPlot, splits: number[]): number[] {
  return splits;
}

function formatTick(ms: number): string {
  if (ms === 0) return '0';
  // Rounded, as 0.1 * 3 is not quite 0.3.
  return ms >= 1000 ? `${Number((ms / 1000).toPrecision(3))} s` : `${Number(ms.toPrecision(3))} ms`;
}
