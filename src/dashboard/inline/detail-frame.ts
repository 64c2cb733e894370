import { rerunCommand } from '../format.ts';
import type { CellState, DashboardState } from '../state.ts';
import { span, textColumns } from './theme.ts';
import type { Line, Style } from './theme.ts';

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

/** The failure of a cell with its remedy, its log and the command that runs it again. */
export function failureLines(cell: CellState, state: DashboardState, columns: number): readonly Line[] {
  const { failure } = cell;
  if (failure === null) return [];
  return [
    ...wrapped(`${failure.message} [${failure.code}]`, columns, 'bad', '  '),
    ...(failure.fix === undefined ? [] : wrapped(`fix:   ${failure.fix}`, columns, 'plain', '       ')),
    ...wrapped(`at:    ${failure.at}`, columns, 'plain', '       '),
    ...wrapped(`log:   ${failure.log}`, columns, 'plain', '       '),
    ...wrapped(`again: ${rerunCommand(state, cell.id)}`, columns, 'plain', '       '),
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
    ['q', 'quit the display'],
    ['Ctrl-C', 'finish running shards; twice: stop now'],
    ['strip', 'one mark per cell: done, running, waiting'],
  ];
  return keys.flatMap(([key, meaning]) =>
    wrapped(`${key.padEnd(11)} ${meaning}`, columns, 'plain', ' '.repeat(12)),
  );
}

/**
 * Breaks lines at spaces. Words longer than a line are cut into pieces without marks, so that a path can be
 * copied whole.
 */
export function wrapped(text: string, columns: number, style: Style, indent: string): readonly Line[] {
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(/(?<= )/)) {
    if (textColumns(line + word.trimEnd()) <= columns) {
      line += word;
      continue;
    }
    if (line.trim() !== '') lines.push(line.trimEnd());
    line = (lines.length === 0 ? '' : indent) + word;
    while (textColumns(line) > columns && columns > indent.length + 4) {
      lines.push(line.slice(0, columns));
      line = indent + line.slice(columns);
    }
  }
  if (line.trim() !== '' || lines.length === 0) lines.push(line.trimEnd());
  return lines.map((content) => [span(content, style)]);
}
