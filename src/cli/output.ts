import type { StyledText } from '../console/styled-text.ts';
import { jsonText, visibleLine } from '../console/visible-text.ts';
import { isFailure, lossOf, writeLine, writeStyled, writeText, written } from '../console/write.ts';
import { exitCodes, type ExitCode } from './exit-codes.ts';

/** Results go to stdout, and progress and errors to stderr. Colour is used only on a terminal. */

let isResult = false;

/** Declares that the output on stdout is the purpose of the command, so that the command fails if it is lost. */
export function stdoutIsResult(): void {
  isResult = true;
}

export function print(text: string): void {
  stdoutIsResult();
  writeLine(process.stdout, text);
}

/** Like `print`, without a line break of its own. */
export function printPart(text: string): void {
  stdoutIsResult();
  writeText(process.stdout, text);
}

export function printJson(value: unknown): void {
  print(jsonText(value, 2));
}

export function complain(text: string): void {
  writeLine(process.stderr, text);
}

export function complainStyled(text: StyledText): void {
  writeStyled(process.stderr, text, wantsColor(process.stderr));
}

/**
 * Waits for the console. Returns the exit code of the command, unless `print` could not write all that the
 * command is there for. A reader that left has had enough, so that is not a failure.
 */
export async function finishOutput(code: ExitCode): Promise<ExitCode> {
  const loss = await describeLoss();
  await written(process.stderr);
  if (!isResult || loss === undefined) return code;
  complain(`error: ${loss}\n  fix: free some space or write elsewhere, then run the command again`);
  return code === exitCodes.ok ? exitCodes.storage : code;
}

/** Resolves to why stdout could not be written; undefined if it could, or if its reader has left. */
export async function describeLoss(): Promise<string | undefined> {
  await written(process.stdout);
  const loss = lossOf(process.stdout);
  if (!isFailure(loss)) return undefined;
  const reason = loss.code === 'ENOSPC' ? 'no space left on its disk' : (loss.code ?? loss.message);
  return `the output is incomplete: standard output cannot be written (${reason})`;
}

/** Respects NO_COLOR and FORCE_COLOR as no-color.org and Node define them. */
function wantsColor(stream: NodeJS.WriteStream): boolean {
  if (process.env['FORCE_COLOR'] !== undefined) return process.env['FORCE_COLOR'] !== '0';
  if (process.env['NO_COLOR'] !== undefined && process.env['NO_COLOR'] !== '') return false;
  return stream.isTTY && process.env['TERM'] !== 'dumb';
}

const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB'] as const;

export function formatBytes(bytes: number): string {
  let value = bytes;
  let unit = 0;
  while (value >= 1024 && unit < units.length - 1) {
    value /= 1024;
    unit++;
  }
  return `${unit === 0 ? value : value.toFixed(value < 10 ? 1 : 0)} ${units[unit]!}`;
}

/** Pads columns to their widest cell, except the last. A cell is one line, whatever its text is. */
export function formatColumns(cells: readonly (readonly string[])[]): string {
  const rows = cells.map((row) => row.map(visibleLine));
  const widths: number[] = [];
  for (const row of rows)
    row.forEach((cell, index) => (widths[index] = Math.max(widths[index] ?? 0, cell.length)));
  return rows
    .map((row) =>
      row.map((cell, index) => (index === row.length - 1 ? cell : cell.padEnd(widths[index]!))).join('  '),
    )
    .join('\n');
}
