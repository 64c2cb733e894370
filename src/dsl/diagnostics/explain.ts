import { didYouMean } from '../../values/nearest.ts';
import { errorsPage } from './explain/errors-page.ts';
import { framePages } from './explain/frame.ts';
import type { Page } from './explain/page.ts';
import { textPages } from './explain/text.ts';
import { valuePages } from './explain/values.ts';
import { wiringPages } from './explain/wiring.ts';

const pages = { ...textPages, ...framePages, ...valuePages, ...wiringPages } as const satisfies Readonly<
  Record<string, Page>
>;

/** Every code that a diagnostic can have. A new one needs a page before it compiles. */
export type DiagnosticCode = keyof typeof pages;

export const diagnosticCodes = Object.keys(pages) as readonly DiagnosticCode[];

/** The page of a code as text; undefined for an unknown code. */
export function explain(code: string): string | undefined {
  if (!Object.hasOwn(pages, code)) return undefined;
  const { title, meaning, wrong, right } = pages[code as DiagnosticCode];
  return [
    `${code}: ${title}`,
    '',
    wrap(meaning, 80),
    '',
    'Wrong:',
    '',
    indent(wrong),
    '',
    'Right:',
    '',
    indent(right),
    '',
  ].join('\n');
}

/** One line for each code, for `ravelin explain` without a code. */
export function explainList(): string {
  const longest = Math.max(...diagnosticCodes.map((code) => code.length));
  return [...diagnosticCodes]
    .sort()
    .map((code) => `${code.padEnd(longest)}  ${pages[code].title}\n`)
    .join('');
}

/** All pages as one document: docs/errors.md. */
export function explainMarkdown(): string {
  return errorsPage({
    'The text of a file': textPages,
    'Versions, names, files and params': framePages,
    'Values and parameters': valuePages,
    'Stages, inputs, axes and cells': wiringPages,
  });
}

/** The error message for an unknown code. */
export function unknownCode(code: string): string {
  return `unknown diagnostic code '${code}'${didYouMean(code, diagnosticCodes)}`;
}

function indent(text: string): string {
  return text
    .split('\n')
    .map((line) => `  ${line}`)
    .join('\n');
}

function wrap(text: string, columns: number): string {
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(' ')) {
    if (line !== '' && line.length + 1 + word.length > columns) {
      lines.push(line);
      line = word;
    } else {
      line = line === '' ? word : `${line} ${word}`;
    }
  }
  return [...lines, line].join('\n');
}
