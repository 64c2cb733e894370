import type { Diagnostic, SourceRange } from './diagnostic.ts';
import { lineText, positionAt, type SourceFile } from './source.ts';

type Sources = ReadonlyMap<string, SourceFile>;

/** Sorts diagnostics by file, in the order in which files were read, then by position. */
export function sortDiagnostics(diagnostics: readonly Diagnostic[], sources: Sources): readonly Diagnostic[] {
  const files = [...sources.keys()];
  return [...diagnostics].sort(
    (a, b) =>
      files.indexOf(a.at.file) - files.indexOf(b.at.file) ||
      a.at.start - b.at.start ||
      a.at.end - b.at.end ||
      (a.code < b.code ? -1 : a.code > b.code ? 1 : 0) ||
      (a.message < b.message ? -1 : a.message > b.message ? 1 : 0),
  );
}

type Paint = (style: 'bold' | 'red' | 'yellow' | 'blue' | 'cyan', text: string) => string;

const codes = { bold: 1, red: 31, yellow: 33, blue: 34, cyan: 36 } as const;

/**
 * Diagnostics as text, each with its source line and a squiggle, the related places in the same form, and the
 * fix:
 *
 *     pipelines/figure-4.yaml:14:7 error[unknown-param]: 'lamda' is not a parameter of defense/tvm; did you mean 'lambda'?
 *         14 |       lamda: 0.03
 *            |       ^~~~~
 */
export function renderDiagnostics(
  diagnostics: readonly Diagnostic[],
  sources: readonly SourceFile[],
  options: { readonly color?: boolean } = {},
): string {
  const files = new Map(sources.map((file) => [file.path, file]));
  const paint: Paint =
    options.color === true ? (style, text) => `\u001b[${codes[style]}m${text}\u001b[0m` : (_, text) => text;
  return sortDiagnostics(diagnostics, files)
    .map((diagnostic) => render(diagnostic, files, paint))
    .join('\n');
}

function render(
  { code, severity, message, at, related = [], fix }: Diagnostic,
  files: Sources,
  paint: Paint,
): string {
  const color = severity === 'error' ? 'red' : 'yellow';
  const lines = [
    `${paint('bold', place(at, files))} ${paint(color, `${severity}[${code}]`)}: ${clean(message)}`,
    ...excerpt(at, files, paint, color),
  ];
  for (const { message: note, at: there } of related) {
    lines.push(
      `${paint('bold', place(there, files))} ${paint('blue', 'note')}: ${clean(note)}`,
      ...excerpt(there, files, paint, 'blue'),
    );
  }
  if (fix !== undefined) lines.push(`    ${paint('cyan', 'fix')}: ${clean(fix)}`);
  return `${lines.join('\n')}\n`;
}

function place(at: SourceRange, files: Sources): string {
  const file = files.get(at.file);
  if (file === undefined) return at.file;
  const { line, column } = positionAt(file, at.start);
  return `${at.file}:${line}:${column}`;
}

/** The most characters of a source line that are shown. */
const widest = 120;

function excerpt(at: SourceRange, files: Sources, paint: Paint, color: 'red' | 'yellow' | 'blue'): string[] {
  const file = files.get(at.file);
  if (file === undefined || file.text === '') return [];
  const { line, column } = positionAt(file, at.start);
  const whole = lineText(file, line);
  const length = Math.max(1, Math.min(at.end - at.start, whole.length - column + 1));
  const cut = whole.length <= widest ? 0 : Math.max(0, Math.min(column - 1 - 40, whole.length - widest));
  const shown = whole.slice(cut, cut + widest);
  const [before, after] = [cut > 0 ? '…' : '', cut + widest < whole.length ? '…' : ''];
  const start = column - 1 - cut;
  const gutter = String(line);
  const indent = width(before + shown.slice(0, start));
  const marked = Math.max(1, width(shown.slice(start, start + length)));
  return [
    `    ${gutter} | ${clean(before + shown + after)}`.trimEnd(),
    `    ${' '.repeat(gutter.length)} | ${' '.repeat(indent)}${paint(color, `^${'~'.repeat(marked - 1)}`)}`,
  ];
}

/** Control characters of a hostile file must not reach the terminal. A tab is one column, as in `column`. */
function clean(text: string): string {
  return text
    .replaceAll('\t', ' ')
    .replaceAll(/[\u0000-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/g, '�');
}

/** Columns on a terminal: two for East Asian wide characters and emoji, none for combining marks. */
function width(text: string): number {
  let columns = 0;
  for (const character of text) {
    if (/\p{Mark}/u.test(character)) continue;
    columns +=
      /[\u1100-\u115f\u2e80-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6]|\p{Emoji_Presentation}/u.test(
        character,
      )
        ? 2
        : 1;
  }
  return columns;
}

export interface DiagnosticJson {
  readonly file: string;
  readonly line: number;
  readonly column: number;
  readonly endLine: number;
  readonly endColumn: number;
  readonly code: string;
  readonly severity: 'error' | 'warning';
  readonly message: string;
  readonly related: readonly (PlaceJson & { readonly message: string })[];
  readonly fix: string | null;
}

type PlaceJson = Pick<DiagnosticJson, 'file' | 'line' | 'column' | 'endLine' | 'endColumn'>;

/** Diagnostics for programs: positions count from 1, the end is the column after the last character. */
export function diagnosticsJson(
  diagnostics: readonly Diagnostic[],
  sources: readonly SourceFile[],
): readonly DiagnosticJson[] {
  const files = new Map(sources.map((file) => [file.path, file]));
  return sortDiagnostics(diagnostics, files).map(({ code, severity, message, at, related = [], fix }) => ({
    ...placeJson(at, files),
    code,
    severity,
    message,
    related: related.map((item) => ({ ...placeJson(item.at, files), message: item.message })),
    fix: fix ?? null,
  }));
}

function placeJson(at: SourceRange, files: Sources): PlaceJson {
  const file = files.get(at.file);
  const start = file === undefined ? { line: 1, column: 1 } : positionAt(file, at.start);
  const end = file === undefined ? start : positionAt(file, at.end);
  return { file: at.file, line: start.line, column: start.column, endLine: end.line, endColumn: end.column };
}
