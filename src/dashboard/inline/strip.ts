import type { CellStatus, DashboardState, StageState } from '../state.ts';
import { at } from '../vector.ts';
import { span } from './theme.ts';
import type { Line, Span, Style, Theme } from './theme.ts';

const cache = new WeakMap<
  StageState,
  { readonly width: number; readonly theme: Theme; readonly line: Line }
>();

/**
 * The cells of a stage in document order, one glyph each. If there are more cells than columns, each glyph
 * stands for several and shows what needs attention: a failure before anything else, then work in progress.
 */
export function cellStrip(state: DashboardState, stage: StageState, width: number, theme: Theme): Line {
  const known = cache.get(stage);
  if (known?.width === width && known.theme === theme) return known.line;
  const line =
    stage.cells.length === 1
      ? shardStrip(state, stage, width, theme)
      : compressed(state, stage, width, theme);
  cache.set(stage, { width, theme, line });
  return line;
}

function compressed(state: DashboardState, stage: StageState, width: number, theme: Theme): Line {
  const cells = stage.cells.length;
  const columns = Math.min(width, cells);
  const marks: Span[] = [];
  for (let column = 0; column < columns; column++) {
    const first = Math.floor((column * cells) / columns);
    const end = Math.floor(((column + 1) * cells) / columns);
    const statuses = new Set<CellStatus>();
    for (let index = first; index < end; index++)
      statuses.add(at(state.cells, at(stage.cells, index)!)!.status);
    marks.push(statusSpan(bucketStatus(statuses), theme));
  }
  return merged(marks);
}

/** Shows one cell with many shards as a bar of its shards. */
function shardStrip(state: DashboardState, stage: StageState, width: number, theme: Theme): Line {
  const cell = at(state.cells, at(stage.cells, 0)!)!;
  const { total, done, running } = cell.shards;
  if (total <= 1 || cell.status === 'failed') return [statusSpan(cell.status, theme)];
  const columns = Math.min(width, total, 20);
  const finished = cell.status === 'reused' ? 'reused' : 'finished';
  const full = Math.floor((done / total) * columns);
  const busy = Math.min(
    columns - full,
    running === 0 ? 0 : Math.max(1, Math.round((running / total) * columns)),
  );
  const marks: Span[] = [];
  for (let column = 0; column < columns; column++) {
    marks.push(statusSpan(column < full ? finished : column < full + busy ? 'running' : 'waiting', theme));
  }
  return merged(marks);
}

function bucketStatus(statuses: ReadonlySet<CellStatus>): CellStatus {
  if (statuses.has('failed')) return 'failed';
  if (statuses.has('running')) return 'running';
  const done = statuses.has('finished') || statuses.has('reused');
  if (statuses.has('waiting')) return done ? 'running' : 'waiting';
  if (statuses.has('blocked')) return 'blocked';
  return statuses.has('finished') ? 'finished' : 'reused';
}

export function statusSpan(status: CellStatus, { glyphs }: Theme): Span {
  const looks: Readonly<Record<CellStatus, readonly [string, Style]>> = {
    finished: [glyphs.done, 'good'],
    reused: [glyphs.reused, 'reused'],
    running: [glyphs.running, 'busy'],
    waiting: [glyphs.waiting, 'dim'],
    failed: [glyphs.failed, 'bad'],
    blocked: [glyphs.blocked, 'dim'],
  };
  return span(...looks[status]);
}

/** Merges neighbours of the same style into one span, for fewer escape sequences. */
function merged(marks: readonly Span[]): Line {
  const line: Span[] = [];
  for (const mark of marks) {
    const last = line.at(-1);
    if (last?.style === mark.style) line[line.length - 1] = span(last.text + mark.text, mark.style);
    else line.push(mark);
  }
  return line;
}
