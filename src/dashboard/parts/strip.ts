import type { CellState, CellStatus, DashboardState, StageState } from '../state.ts';
import { at, isSameLeaf, leafOf } from '../vector.ts';
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

/** Columns that the strip of a stage takes if it has as many as it wants. */
export function stripLength(state: DashboardState, stage: StageState): number {
  const { cells } = stage;
  if (cells.length !== 1) return cells.length;
  return Math.max(1, Math.min(at(state.cells, at(cells, 0)!)!.shards.total, mostShardMarks));
}

/** The shards of a cell are a share, which more marks do not make plainer. */
const mostShardMarks = 20;

/** The cells that share a mark, and where they were found when it was made. */
interface Bucket {
  readonly first: number;
  readonly end: number;
  mark: Mark;
  /** One cell of each leaf of `state.cells` that has some of these cells, and that leaf. */
  readonly positions: readonly number[];
  readonly leaves: (readonly unknown[])[];
}

// Cells are planned once, so the identity of their list serves as the key.
const buckets = new WeakMap<StageState['cells'], readonly Bucket[]>();

/** Looks again only at cells that share a leaf of the list with one that has changed, since there may be 100,000. */
function compressed(state: DashboardState, stage: StageState, width: number, theme: Theme): Line {
  const columns = Math.min(width, stage.cells.length);
  let known = buckets.get(stage.cells);
  if (known?.length !== columns) buckets.set(stage.cells, (known = makeBuckets(stage, columns)));
  for (const bucket of known) {
    const { positions, leaves } = bucket;
    let isSame = true;
    for (let index = 0; index < positions.length; index++) {
      const leaf = leafOf(state.cells, positions[index]!);
      if (leaves[index] === leaf) continue;
      isSame = false;
      leaves[index] = leaf;
    }
    if (!isSame) bucket.mark = markOfAll(state, stage, bucket);
  }
  return merged(known.map(({ mark }) => statusSpan(mark, theme)));
}

function makeBuckets(stage: StageState, columns: number): readonly Bucket[] {
  const cells = stage.cells.length;
  return Array.from({ length: columns }, (_, column) => {
    const first = Math.floor((column * cells) / columns);
    const end = Math.floor(((column + 1) * cells) / columns);
    const positions: number[] = [];
    for (let index = first; index < end; index++) {
      const position = at(stage.cells, index)!;
      if (positions.length === 0 || !isSameLeaf(positions.at(-1)!, position)) positions.push(position);
    }
    return { first, end, mark: 'waiting', positions, leaves: [] };
  });
}

function markOfAll(state: DashboardState, stage: StageState, { first, end }: Bucket): Mark {
  const marks = new Set<Mark>();
  for (let index = first; index < end; index++) marks.add(markOf(at(state.cells, at(stage.cells, index)!)!));
  return bucketMark(marks);
}

/** Shows one cell with many shards as a bar of its shards. */
function shardStrip(state: DashboardState, stage: StageState, width: number, theme: Theme): Line {
  const cell = at(state.cells, at(stage.cells, 0)!)!;
  const { total, done, running } = cell.shards;
  if (total <= 1 || cell.status === 'failed') return [statusSpan(markOf(cell), theme)];
  const columns = Math.min(width, total, mostShardMarks);
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

function bucketMark(marks: ReadonlySet<Mark>): Mark {
  for (const mark of ['failed', 'running', 'partly'] as const) if (marks.has(mark)) return mark;
  const done = (['finished', 'reused', 'on-the-fly'] as const).find((mark) => marks.has(mark));
  if (marks.has('waiting')) return done === undefined ? 'waiting' : 'partly';
  if (marks.has('blocked')) return 'blocked';
  return done ?? 'waiting';
}

/** How a cell is drawn: by its status, but one that is computed by the cells that read it never looks like done. */
export type Mark = CellStatus | 'on-the-fly';

export function markOf({ status, onTheFly }: CellState): Mark {
  return onTheFly && (status === 'finished' || status === 'reused') ? 'on-the-fly' : status;
}

export function statusSpan(mark: Mark, { glyphs }: Theme): Span {
  const looks: Readonly<Record<Mark, readonly [string, Style]>> = {
    finished: [glyphs.done, 'good'],
    reused: [glyphs.reused, 'reused'],
    'on-the-fly': [glyphs.onTheFly, 'dim'],
    running: [glyphs.running, 'busy'],
    partly: [glyphs.partly, 'good'],
    waiting: [glyphs.waiting, 'dim'],
    failed: [glyphs.failed, 'bad'],
    blocked: [glyphs.blocked, 'dim'],
  };
  return span(...looks[mark]);
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
