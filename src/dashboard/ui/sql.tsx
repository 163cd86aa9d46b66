import type { JSX } from 'preact';
import { useEffect, useId, useMemo, useRef, useState } from 'preact/hooks';

import { formatCount, revealInvisible } from './format.ts';
import { tokenizeSql } from './sql-tokens.ts';

/** More than fits into the lines of a folded text on any screen. */
const FOLDED_LENGTH_MAX = 1000;
const UNFOLDED_LENGTH_MAX = 20_000;

interface SqlProps {
  readonly text: string;
  /** What the statement is called in the names of its buttons. */
  readonly name: string;
}

/** A statement: two lines of it until the reader asks for more. */
export function Sql({ text, name }: SqlProps): JSX.Element {
  const [isUnfolded, setUnfolded] = useState(false);
  const codeId = useId();
  const code = useRef<HTMLElement>(null);
  const isCut = useIsCut(code, text, isUnfolded);

  const shownLength = isUnfolded ? UNFOLDED_LENGTH_MAX : FOLDED_LENGTH_MAX;
  const tokens = useMemo(
    () => tokenizeSql(revealInvisible(text.slice(0, shownLength))),
    [text, shownLength],
  );
  const hiddenLength = text.length - shownLength;

  return (
    <div class="sql">
      <code id={codeId} ref={code} class={isUnfolded ? 'sql-text' : 'sql-text sql-folded'}>
        {tokens.map(({ kind, text: piece }) =>
          kind === 'plain' ? piece : <span class={`sql-${kind}`}>{piece}</span>,
        )}
        {isUnfolded && hiddenLength > 0 && (
          <span class="muted">{` … and ${formatCount(hiddenLength)} more characters`}</span>
        )}
      </code>
      <span class="sql-tools">
        {(isCut || isUnfolded) && (
          <button
            type="button"
            class="link"
            aria-expanded={isUnfolded}
            aria-controls={codeId}
            aria-label={`${isUnfolded ? 'Less' : 'More'} of ${name}`}
            onClick={() => setUnfolded(!isUnfolded)}
          >
            {isUnfolded ? 'less' : 'more'}
          </button>
        )}
        <CopyButton text={text} name={name} target={code} />
      </span>
    </div>
  );
}

interface CopyButtonProps extends SqlProps {
  readonly target: { readonly current: HTMLElement | null };
}

function CopyButton({ text, name, target }: CopyButtonProps): JSX.Element {
  const [isCopied, setCopied] = useState(false);

  useEffect(() => {
    if (!isCopied) return undefined;
    const timer = setTimeout(() => setCopied(false), 1500);
    return () => clearTimeout(timer);
  }, [isCopied]);

  async function copy(): Promise<void> {
    try {
      await navigator.clipboard.writeText(text);
      setCopied(true);
    } catch {
      // Over plain http from another machine there is no clipboard: leave it to the reader.
      if (target.current !== null) getSelection()?.selectAllChildren(target.current);
    }
  }

  return (
    <button type="button" class="link copy" aria-label={`Copy ${name}`} onClick={() => void copy()}>
      {isCopied ? 'copied' : 'copy'}
    </button>
  );
}

/** Whether the folded text has more lines than are shown, at the width it has just now. */
function useIsCut(
  code: { readonly current: HTMLElement | null },
  text: string,
  isUnfolded: boolean,
): boolean {
  const [isCut, setCut] = useState(false);

  useEffect(() => {
    const element = code.current;
    if (element === null || isUnfolded) return undefined;
    const observer = new ResizeObserver(() => {
      setCut(element.scrollHeight > element.clientHeight + 1 || text.length > FOLDED_LENGTH_MAX);
    });
    observer.observe(element);
    return () => observer.disconnect();
  }, [code, text, isUnfolded]);

  return isCut;
}
