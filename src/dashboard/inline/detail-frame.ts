import { failureLines } from '../parts/failure-lines.ts';
import { span } from '../parts/theme.ts';
import type { Line } from '../parts/theme.ts';
import { wrapped } from '../parts/wrapped.ts';
import type { CellState, DashboardState } from '../state.ts';

/** Explains why the plan runs or reuses a cell. */
export function whyLines(
  cell: CellState | undefined,
  state: DashboardState,
  columns: number,
): readonly Line[] {
  if (cell === undefined) return [[span('no cell is selected', 'dim')]];
  const verdict =
    cell.shards.total > 0 && cell.because.length === 0 ? 'nothing changed since it was computed' : '';
  return [
    [span('why ', 'dim'), span(cell.id, 'bold')],
    [span(cell.uses, 'dim')],
    ...(verdict === '' ? [] : [[span(verdict)]]),
    ...cell.because.flatMap((reason) => wrapped(`- ${reason}`, columns, 'plain', '  ')),
    ...failureLines(cell, state, columns),
  ];
}

/** The last log lines of a cell; its log file has all of them. */
export function logLines(
  cell: CellState | undefined,
  state: DashboardState,
  columns: number,
): readonly Line[] {
  if (cell === undefined) return [[span('no cell is selected', 'dim')]];
  const logs = cell.logs.flatMap((line) => wrapped(line, columns, 'plain', '  '));
  return [
    [span('log ', 'dim'), span(cell.id, 'bold')],
    ...(logs.length === 0 ? [[span('nothing logged yet', 'dim')]] : logs),
    ...failureLines(cell, state, columns),
  ];
}

export function helpLines(columns: number): readonly Line[] {
  const keys: readonly (readonly [string, string])[] = [
    ['arrows, jk', 'move (in a grid also left and right, h)'],
    ['enter', 'open a stage, then the log of a cell'],
    ['esc', 'go back, or clear a filter'],
    ['/', 'filter stages or cells by name'],
    ['w', 'why the selected cell runs or is reused'],
    ['l', 'log of the selected cell'],
    ['f', 'go to the next failure'],
    ['F', 'fill the screen: grids, workers, timings, history'],
    ['p', 'pause: start nothing more until p is pressed again'],
    ['q', 'quit the display'],
    ['Ctrl-C', 'finish running shards; twice: stop now'],
    ['strip', 'one mark per cell: done, running, waiting'],
  ];
  return keys.flatMap(([key, meaning]) =>
    wrapped(`${key.padEnd(11)} ${meaning}`, columns, 'plain', ' '.repeat(12)),
  );
}
