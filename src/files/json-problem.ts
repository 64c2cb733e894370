/** Where a text stops being JSON, and why in words that complete `is not JSON: …`. */
export interface JsonProblem {
  /** UTF-16 code units before the place. */
  readonly offset: number;
  readonly problem: string;
}

type Expected = 'value' | 'first item' | 'first key' | 'key' | 'colon' | 'comma' | 'end';
type Bracket = '[' | '{';

const closing = { '[': ']', '{': '}' } as const;
const mayClose: ReadonlySet<Expected> = new Set(['comma', 'first item', 'first key']);
const mayBeKey: ReadonlySet<Expected> = new Set(['key', 'first key']);
const mayBeValue: ReadonlySet<Expected> = new Set(['value', 'first item']);

/**
 * The first place at which a text breaks the grammar of JSON (RFC 8259); null if it is JSON. Iterative, as a
 * text may be nested as deep as it is long.
 */
export function findJsonProblem(text: string): JsonProblem | null {
  const open: Bracket[] = [];
  const afterValue = (): Expected => (open.length === 0 ? 'end' : 'comma');
  const afterOpening = (bracket: Bracket): Expected => (bracket === '[' ? 'first item' : 'first key');
  let expected = 'value' as Expected;
  for (let at = skipBlanks(text, 0); ; at = skipBlanks(text, at)) {
    const found = text[at];
    if (found === undefined)
      return expected === 'end' ? null : { offset: at, problem: endProblem(text, open) };
    const inner = open.at(-1);
    if (inner !== undefined && found === closing[inner] && mayClose.has(expected)) {
      open.pop();
      expected = afterValue();
      at++;
    } else if (expected === 'colon' && found === ':') {
      expected = 'value';
      at++;
    } else if (expected === 'comma' && found === ',') {
      expected = inner === '[' ? 'value' : 'key';
      at++;
    } else if (mayBeKey.has(expected) && found === '"') {
      const end = stringEnd(text, at);
      if (typeof end !== 'number') return end;
      expected = 'colon';
      at = end;
    } else if (mayBeValue.has(expected) && (found === '[' || found === '{')) {
      open.push(found);
      expected = afterOpening(found);
      at++;
    } else {
      const end = mayBeValue.has(expected) ? scalarEnd(text, at) : at;
      if (typeof end !== 'number') return end;
      if (end === at) return { offset: at, problem: unexpected(text, at, expected, inner) };
      expected = afterValue();
      at = end;
    }
  }
}

function skipBlanks(text: string, start: number): number {
  let at = start;
  while (at < text.length && ' \t\n\r'.includes(text[at]!)) at++;
  return at;
}

/** Where a text, a number, `true`, `false` or `null` ends; `at` if there is none of them. */
function scalarEnd(text: string, at: number): number | JsonProblem {
  if (text[at] === '"') return stringEnd(text, at);
  const literal = /(?:-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?|true|false|null)(?![\w.+-])/y;
  literal.lastIndex = at;
  return literal.test(text) ? literal.lastIndex : at;
}

function stringEnd(text: string, start: number): number | JsonProblem {
  for (let at = start + 1; at < text.length; at++) {
    const found = text[at]!;
    if (found === '"') return at + 1;
    if (found < ' ') {
      const what = found === '\n' || found === '\r' ? 'a line break' : 'a control character';
      return { offset: at, problem: `${what} stands inside of a text that begins with a double quote` };
    }
    if (found !== '\\') continue;
    const escape = /\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4})/y;
    escape.lastIndex = at;
    if (!escape.test(text))
      return {
        offset: at,
        problem: `'${text.slice(at, at + 2)}' is not an escape; a backslash is written '\\\\'`,
      };
    at = escape.lastIndex - 1;
  }
  return { offset: start, problem: 'the text that begins here has no closing double quote' };
}

function endProblem(text: string, open: readonly Bracket[]): string {
  if (text.trim() === '') return 'the file is empty';
  const inner = open.at(-1);
  if (inner === undefined) return 'a value is missing';
  return `the file ends, but a '${closing[inner]}' is missing`;
}

function unexpected(text: string, at: number, expected: Expected, inner: Bracket | undefined): string {
  const found = text[at]!;
  if (found === "'") return 'texts are written in double quotes, not in single quotes';
  if (found === '/' && '/*'.includes(text[at + 1] ?? ' ')) return 'comments are not allowed';
  const word = /[^\s,:[\]{}"']{1,40}/y;
  word.lastIndex = at;
  const closes = inner === undefined ? undefined : closing[inner];
  const shown = word.exec(text)?.[0] ?? found;
  switch (expected) {
    case 'end':
      return `'${shown}' stands after the end of the value`;
    case 'colon':
      return `a ':' is missing before '${shown}'`;
    case 'comma':
      return `a ',' or '${closes ?? ''}' is missing before '${shown}'`;
    case 'key':
    case 'first key':
      return found === closes
        ? `a comma stands before '${found}'`
        : `'${shown}' stands where a key in double quotes is needed`;
    case 'value':
    case 'first item':
      return found === ']' || found === '}'
        ? text.slice(0, at).trimEnd().endsWith(',')
          ? `a comma stands before '${found}'`
          : `a value is missing before '${found}'`
        : `'${shown}' is not a value`;
  }
}
