import type { SourceRange } from './diagnostic.ts';

/** A text that diagnostics point into: a pipeline file, or the `-S` arguments of the command line. */
export interface SourceFile {
  /** Path as shown to the user, and as written into every `SourceRange` of it. */
  readonly path: string;
  /** Absolute path; the same as `path` if the text is not from a file. */
  readonly absolute: string;
  readonly text: string;
  /** Offset of the first character of each line. */
  readonly lineStarts: readonly number[];
}

export interface Position {
  /** From 1. */
  readonly line: number;
  /** From 1, in UTF-16 code units. */
  readonly column: number;
}

export function sourceFile(path: string, text: string, absolute: string = path): SourceFile {
  const lineStarts = [0];
  for (let at = text.indexOf('\n'); at !== -1; at = text.indexOf('\n', at + 1)) lineStarts.push(at + 1);
  return { path, absolute, text, lineStarts };
}

/** The position of an offset. An offset outside the text is clamped to it. */
export function positionAt(file: SourceFile, offset: number): Position {
  const clamped = Math.max(0, Math.min(offset, file.text.length));
  let low = 0;
  let high = file.lineStarts.length - 1;
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if (file.lineStarts[middle]! <= clamped) low = middle;
    else high = middle - 1;
  }
  return { line: low + 1, column: clamped - file.lineStarts[low]! + 1 };
}

/** Text of a line (from 1) without its line break. */
export function lineText(file: SourceFile, line: number): string {
  const start = file.lineStarts[line - 1] ?? file.text.length;
  const end = file.lineStarts[line] ?? file.text.length + 1;
  return file.text.slice(start, end - 1).replace(/\r$/, '');
}

/** `file:line:column` of the start of a range; the file name alone if its text is not known. */
export function placeOf(range: SourceRange, sources: ReadonlyMap<string, SourceFile>): string {
  const file = sources.get(range.file);
  if (file === undefined) return range.file;
  const { line, column } = positionAt(file, range.start);
  return `${range.file}:${line}:${column}`;
}
