import { isRadius, isShare, readableRadius } from '../values/readable-number.ts';
import type { RunChoices } from '../runtime/events.ts';
import type { Remaining } from './estimate.ts';

/** `0.4 s`, `42 s`, `3:07`, `2:03:09`. */
export function formatDuration(seconds: number): string {
  if (!Number.isFinite(seconds)) return '–';
  if (seconds < 9.95) return `${seconds.toFixed(1)} s`;
  const whole = Math.round(seconds);
  if (whole < 60) return `${whole} s`;
  const two = (number: number): string => String(number).padStart(2, '0');
  const [hours, minutes] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60];
  return hours === 0 ? `${minutes}:${two(whole % 60)}` : `${hours}:${two(minutes)}:${two(whole % 60)}`;
}

/**
 * `about 3:10 left`, or with the range in which it probably lies, `about 3:10 left (2:00 to 5:00)`, if that is wide. Figures are rounded to
 * what an estimate can know.
 */
export function formatRemaining({ seconds, low, high }: Remaining, hasRoom = true): string {
  if (high < 5) return 'seconds left';
  const range =
    hasRoom && high / Math.max(1, low) >= 1.6
      ? ` (${formatDuration(rounded(low))} to ${formatDuration(rounded(high))})`
      : '';
  return `about ${formatDuration(rounded(seconds))} left${range}`;
}

function rounded(seconds: number): number {
  const step = seconds < 20 ? 1 : seconds < 60 ? 5 : seconds < 600 ? 10 : seconds < 3600 ? 60 : 300;
  return Math.max(1, Math.round(seconds / step)) * step;
}

/** `640 B`, `12 KiB`, `812 MiB`, `1.5 GiB`. */
export function formatBytes(bytes: number): string {
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];
  let [value, unit] = [bytes, 0];
  while (value >= 1023.5 && unit < units.length - 1) {
    value /= 1024;
    unit++;
  }
  return `${unit >= 3 && value < 100 ? value.toFixed(1) : Math.round(value)} ${units[unit]!}`;
}

export function formatRate(perSecond: number): string {
  return perSecond < 9.95 ? perSecond.toFixed(1) : String(Math.round(perSecond));
}

/** `1 cell`, `3 cells`. */
export function plural(count: number, noun: string): string {
  return `${formatCount(count)} ${noun}${count === 1 ? '' : 's'}`;
}

/** Cells that the pipeline declares, and the parts into which some of them are divided: `26 cells and 2 parts`. */
export function countCells({
  cells,
  parts = 0,
}: {
  readonly cells: number;
  readonly parts?: number;
}): string {
  const own = plural(cells - parts, 'cell');
  if (parts === 0) return own;
  return cells === parts ? plural(parts, 'part') : `${own} and ${plural(parts, 'part')}`;
}

/** The noun after a number of cells of which some are parts: `cells and parts`. */
export function cellsNoun({ cells, parts = 0 }: { readonly cells: number; readonly parts?: number }): string {
  return parts === 0 ? 'cells' : cells === parts ? 'parts' : 'cells and parts';
}

/** Thousands are grouped: `12,000`. */
export function formatCount(count: number): string {
  return String(count).replace(/\B(?=(\d{3})+$)/g, ',');
}

/** Whether a number is shown in per cent. One whose name says so, but that cannot be a share, is not. */
export function isShownAsShare(name: string, value: number): boolean {
  return isShare(name) && Math.abs(value) <= 1;
}

/** A number that is not a share, with four significant digits, and a radius as `8/255` if it is one. */
export function formatPlain(name: string, value: number): string {
  return isRadius(name) ? readableRadius(value, 4) : String(Number(value.toPrecision(4)));
}

/** A number in the form of the live display: shares in per cent, others with four significant digits. */
export function formatMetric(name: string, value: number): string {
  const label = name.replace(/([a-z\d])([A-Z])/g, '$1 $2').toLowerCase();
  if (!Number.isFinite(value)) return `${label} ${value}`;
  return `${label} ${isShownAsShare(name, value) ? `${(value * 100).toFixed(1)} %` : formatPlain(name, value)}`;
}

/** Quotes a word for a POSIX shell if it needs quotes. */
export function shellQuote(word: string): string {
  return /^[\w./:=,@%+-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`;
}

/** The choices of a run as they are typed: ` -S params.images=32 -p smoke`; empty if there are none. */
export function choiceWords(choices: RunChoices | null | undefined): string {
  if (choices === undefined || choices === null) return '';
  const words = [
    ...choices.set.flatMap((value) => ['-S', value]),
    ...choices.profile.flatMap((name) => ['-p', name]),
    ...(choices.seed === null ? [] : ['--seed', String(choices.seed)]),
  ];
  return words.map((word) => ` ${shellQuote(word)}`).join('');
}

/** The command that runs one cell of a run again, with what it needs. */
export function rerunCommand(
  {
    file,
    choices,
    options,
  }: {
    readonly file: string;
    readonly choices: RunChoices | null;
    readonly options: readonly string[];
  },
  cell: string,
): string {
  const others = options.map((word) => ` ${shellQuote(word)}`).join('');
  return `ravelin run ${shellQuote(file)} --only ${shellQuote(cell)}${choiceWords(choices)}${others}`;
}
