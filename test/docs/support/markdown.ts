/** As much of Markdown as our own pages use. */

export interface CodeBlock {
  /** What follows the three backticks, such as `ts no-run`. */
  readonly info: string;
  readonly code: string;
  /** Of its first line of code, from 1. */
  readonly line: number;
}

export interface Link {
  readonly target: string;
  readonly line: number;
}

export interface Page {
  readonly blocks: readonly CodeBlock[];
  /** The text without its code blocks, line for line. */
  readonly prose: readonly string[];
  /** Of all headings, as GitHub makes them. */
  readonly anchors: ReadonlySet<string>;
  readonly links: readonly Link[];
}

const FENCE = /^```(.*)$/;
/** Links and images, those of HTML too. */
const LINK = /\]\(([^)\s]+)[^)]*\)|(?:href|src)="([^"]+)"/g;

/**
 * @param name of the page, for the error.
 * @throws Error where a code block has no end.
 */
export function parsePage(text: string, name: string): Page {
  const blocks: CodeBlock[] = [];
  const prose: string[] = [];
  let open: { info: string; line: number; lines: string[] } | undefined;
  for (const [index, line] of text.split('\n').entries()) {
    const fence = FENCE.exec(line);
    if (open === undefined) {
      prose.push(fence === null ? line : '');
      if (fence !== null) open = { info: (fence[1] ?? '').trim(), line: index + 2, lines: [] };
    } else {
      prose.push('');
      if (fence === null) {
        open.lines.push(line);
      } else {
        blocks.push({ info: open.info, line: open.line, code: open.lines.join('\n') });
        open = undefined;
      }
    }
  }
  if (open !== undefined) throw new Error(`${name}: the code at line ${open.line} has no end`);
  return { blocks, prose, anchors: anchorsOf(prose), links: linksOf(prose) };
}

function anchorsOf(prose: readonly string[]): Set<string> {
  const anchors = new Set<string>();
  for (const line of prose) {
    const heading = /^#{1,6} (.+)$/.exec(line)?.[1];
    if (heading === undefined) continue;
    const slug = slugOf(heading);
    let anchor = slug;
    for (let count = 1; anchors.has(anchor); count += 1) anchor = `${slug}-${count}`;
    anchors.add(anchor);
  }
  return anchors;
}

function slugOf(heading: string): string {
  return heading
    .replaceAll(/\[([^\]]*)\]\([^)]*\)/g, '$1')
    .trim()
    .toLowerCase()
    .replaceAll(/[^\p{L}\p{N}\p{M}_ -]/gu, '')
    .replaceAll(' ', '-');
}

function linksOf(prose: readonly string[]): Link[] {
  return prose.flatMap((text, index) => {
    // What is in backticks is no link.
    const line = text.replaceAll(/`[^`]*`/g, (code) => code.replaceAll(/[[\]()]/g, ' '));
    return [...line.matchAll(LINK)].map(([, inline, attribute]) => ({
      target: inline ?? attribute ?? '',
      line: index + 1,
    }));
  });
}
