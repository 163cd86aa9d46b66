/**
 * How the page writes what it shows. By hand, as Intl would follow the browser's language
 * while the words around are English. What is no finite number is written as a dash.
 */

const NOTHING = '–';

/** Up to seven digits in full, more in millions or billions. */
export function formatCount(count: number): string {
  if (!Number.isFinite(count)) return NOTHING;
  if (Math.abs(count) >= 1e9) return `${(count / 1e9).toFixed(2)} B`;
  if (Math.abs(count) >= 1e7) return `${(count / 1e6).toFixed(1)} M`;
  return groupDigits(String(Math.round(count)));
}

/** One decimal, thousands grouped. */
export function formatAverage(value: number): string {
  if (!Number.isFinite(value)) return NOTHING;
  const [integer = '', fraction = ''] = value.toFixed(1).split('.');
  return `${groupDigits(integer)}.${fraction}`;
}

export function formatMs(ms: number): string {
  if (!Number.isFinite(ms)) return NOTHING;
  if (ms >= 600_000) return `${groupDigits(String(Math.round(ms / 60_000)))} min`;
  if (ms >= 10_000) return `${(ms / 1000).toFixed(1)} s`;
  if (ms >= 1000) return `${(ms / 1000).toFixed(2)} s`;
  if (ms >= 100) return `${Math.round(ms)} ms`;
  if (ms >= 10) return `${ms.toFixed(1)} ms`;
  if (ms >= 0.01) return `${ms.toFixed(2)} ms`;
  return ms > 0 ? '<0.01 ms' : '0 ms';
}

export function formatNs(ns: number): string {
  if (!Number.isFinite(ns)) return NOTHING;
  if (ns < 1000) return `${Math.round(ns)} ns`;
  return ns < 1e6 ? `${(ns / 1000).toFixed(1)} µs` : formatMs(ns / 1e6);
}

export function formatRate(perSecond: number): string {
  if (!Number.isFinite(perSecond)) return NOTHING;
  return `${perSecond >= 10 ? formatCount(perSecond) : formatAverage(perSecond)}/s`;
}

/** @param share 1 is the whole. */
export function formatPercent(share: number): string {
  if (!Number.isFinite(share)) return NOTHING;
  const percent = share * 100;
  if (percent > 0 && percent < 0.01) return '<0.01 %';
  return `${percent >= 10 ? Math.round(percent) : Number(percent.toPrecision(2))} %`;
}

/** How long ago something was, in one word and its unit. */
export function formatAge(ageMs: number): string {
  if (!Number.isFinite(ageMs)) return NOTHING;
  const seconds = Math.round(ageMs / 1000);
  if (seconds < 1) return 'now';
  if (seconds < 60) return `${seconds} s ago`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min ago`;
  if (seconds < 86_400) return `${Math.floor(seconds / 3600)} h ago`;
  return `${Math.floor(seconds / 86_400)} d ago`;
}

/** `14:05:09`, in the reader's time zone. */
export function formatClock(epochMs: number): string {
  const date = new Date(epochMs);
  if (Number.isNaN(date.getTime())) return NOTHING;
  return [date.getHours(), date.getMinutes(), date.getSeconds()]
    .map((part) => String(part).padStart(2, '0'))
    .join(':');
}

// Controls but tab and newline, and what turns the direction of text or has no width.
const INVISIBLE =
  // oxlint-disable-next-line no-control-regex
  /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u00ad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]/g;

/**
 * The text with every character written out that would not be seen, or would make others be
 * seen in another place: `\u202e`.
 */
export function revealInvisible(text: string): string {
  return text.replace(
    INVISIBLE,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}

function groupDigits(digits: string): string {
  return digits.replace(/\B(?=(?:\d{3})+$)/g, ',');
}
