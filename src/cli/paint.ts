import { styleText } from 'node:util';

import type { OutputStream } from './command.ts';

type Style = Parameters<typeof styleText>[0];

export type Painter = (style: Style, text: string) => string;

/**
 * Styles text for one stream: only where that is a terminal with colours and the user has not
 * asked for none (`NO_COLOR`).
 */
export function painter(stream: OutputStream): Painter {
  const hasColors = stream.isTTY === true && stream.hasColors?.() === true;
  return (style, text) => (hasColors ? styleText(style, text, { validateStream: false }) : text);
}
