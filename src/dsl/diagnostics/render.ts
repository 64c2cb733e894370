import { plainText, type StyledPart, type StyledText, type TextStyle } from '../../console/styled-text.ts';
import { visibleLine } from '../../console/visible-text.ts';
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
): string {
  return plainText(styledDiagnostics(diagnostics, sources));
}

/** The text of `renderDiagnostics` with the styles that it has on a terminal. */
export function styledDiagnostics(
  diagnostics: readonly Diagnostic[],
  sources: readonly SourceFile[],
): StyledText {
  const files = new Map(sources.map((file) => [file.path, file]));
  return sortDiagnostics(diagnostics, files).flatMap((diagnostic, index) => [
    ...(index === 0 ? [] : [part('\n')]),
    ...render(diagnostic, files),
  ]);
}

function part(text: string, style: TextStyle = 'plain'): StyledPart {
  return { text, style };
}

function render({ code, severity, message, at, related = [], fix }: Diagnostic, files: Sources): StyledText {
  const color = severity === 'error' ? 'red' : 'yellow';
  return [
    part(place(at, files), 'bold'),
    part(' '),
    part(`${severity}[${code}]`, color),
    part(`: ${visibleLine(message)}\n`),
    ...excerpt(at, files, color),
    ...related.flatMap(({ message: note, at: there }) => [
      part(place(there, files), 'bold'),
      part(' '),
      part('note', 'blue'),
      part(`: ${visibleLine(note)}\n`),
      ...excerpt(there, files, 'blue'),
    ]),
    ...(fix === undefined ? [] : [part('    '), part('fix', 'cyan'), part(`: ${visibleLine(fix)}\n`)]),
  ];
}

function place(at: SourceRange, files: Sources): string {
  const path = visibleLine(at.file);
  const file = files.get(at.file);
  if (file === undefined) return path;
  const { line, column } = positionAt(file, at.start);
  return `${path}:${line}:${column}`;
}

/** The most characters of a source line that are shown. */
const widest = 120;

function excerpt(at: SourceRange, files: Sources, color: TextStyle): StyledText {
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
  // A tab is shown as one column, as `column` counts it.
  return [
    part(`${`    ${gutter} | ${visibleLine(before + shown + after)}`.trimEnd()}\n`),
    part(`    ${' '.repeat(gutter.length)} | ${' '.repeat(indent)}`),
    part(`^${'~'.repeat(marked - 1)}`, color),
    part('\n'),
  ];
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
