/** How many statements a text holds. */
export interface StatementCount {
  readonly count: number;
  /** Whether there may be more: the text was cut, or could not be read. */
  readonly isMinimum: boolean;
}

/** Quoted names, words, parameters, or one character: what a normalised text is made of. */
const TOKEN = /"(?:[^"]|"")*"|[A-Za-z_\u0080-\uffff][\w$\u0080-\uffff]*|\$\d+|\S/g;
/** How a text ends that was cut, or that stands for one that could not be read. */
const MARK = /(?: … <cut: [0-9a-f]{16}>|^<unparsed: [^;]*>)$/;

/**
 * The statements of a text that the server got in one piece. Empty ones do not count, nor do those
 * inside another one: the body of a function (`BEGIN ATOMIC … END`), or what a rule does.
 *
 * @param text a normalised statement: in a raw one, strings and comments would be read as well.
 */
export function countStatements(text: string): StatementCount {
  const mark = MARK.exec(text);
  const whole = mark === null ? text : text.slice(0, mark.index);
  const isMinimum = mark !== null;
  const count = whole.includes(';') ? countIn(whole) : whole.trim() === '' ? 0 : 1;
  return { count: isMinimum ? Math.max(count, 1) : count, isMinimum };
}

function countIn(text: string): number {
  let count = 0;
  let parentheses = 0;
  /** Of the body of a function, and of each CASE in it. */
  let blocks = 0;
  let isEmpty = true;
  let isCreate = false;
  let last = '';
  for (const [token] of text.matchAll(TOKEN)) {
    const word = token.toLowerCase();
    if (word === ';' && parentheses === 0 && blocks === 0) {
      isEmpty = true;
    } else {
      if (isEmpty) {
        count += 1;
        isCreate = word === 'create';
      }
      isEmpty = false;
      // Behind these any word may be a name.
      const isName = last === 'as' || last === '.';
      if (word === '(') parentheses += 1;
      else if (word === ')') parentheses = Math.max(0, parentheses - 1);
      else if (isCreate && word === 'atomic' && last === 'begin') blocks = 1;
      else if (blocks > 0 && word === 'case' && !isName) blocks += 1;
      else if (blocks > 0 && word === 'end' && !isName) blocks -= 1;
    }
    last = word;
  }
  return count;
}
