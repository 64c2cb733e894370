import { formatCount, formatDuration, formatMetric } from '../format.ts';
import type { CellState, DashboardState } from '../state.ts';
import { statusText } from '../parts/status-text.ts';
import { failureLines } from '../parts/failure-lines.ts';
import { wrapped } from '../parts/wrapped.ts';
import { span } from '../parts/theme.ts';
import type { Line, Style, Theme } from '../parts/theme.ts';
import { at } from '../vector.ts';
import { chosenCell, isMatch } from './full-moves.ts';
import type { FullSnapshot } from './full-screen.ts';
import type { CellTab, FullView } from './full-view.ts';
import { pictureLines } from './picture-lines.ts';
import { picturesInPixels, withoutPictures, type PicturedLines } from './placed-pictures.ts';

const tabs: readonly (readonly [CellTab, string])[] = [
  ['why', 'w why'],
  ['log', 'l log'],
  ['timings', 't timings'],
  ['recipe', 'i recipe'],
  ['images', 's images'],
];

/** The selected cell: what it is and found, and below it why it runs, its log, its times, what it is made of or its images. */
export function cellContent(
  { state, view, pictures, graphics }: Pick<FullSnapshot, 'state' | 'view' | 'pictures' | 'graphics'>,
  theme: Theme,
  width: number,
  height: number,
): PicturedLines {
  const index = chosenCell(view, state);
  const cell = index === null ? undefined : at(state.cells, index);
  if (cell === undefined) return withoutPictures([[span('no cell is selected', 'dim')]]);
  const head = headLines(cell, state, width).slice(0, Math.max(1, height - 2));
  const strip: Line = tabs.flatMap(([tab, name]) => [
    span(name, tab === view.tab ? 'title' : 'dim'),
    span('  '),
  ]);
  const room = Math.max(0, height - head.length - 1);
  if (view.tab === 'images') {
    const size = { theme, width, height: room };
    const images = imageContent(cell, pictures, view.scroll, size, graphics);
    const above = head.length + 1;
    return {
      lines: [...head, strip, ...images.lines],
      pictures: images.pictures.map((picture) => ({ ...picture, top: picture.top + above })),
    };
  }
  const body = tabLines(cell, state, view.tab, width);
  const marked =
    view.query === '' || view.pane !== 'cell' ? body : body.map((line) => highlighted(line, view.query));
  return withoutPictures([...head, strip, ...windowed(marked, view, room)]);
}

function windowed(lines: readonly Line[], { tab, scroll }: FullView, height: number): readonly Line[] {
  const most = Math.max(0, lines.length - height);
  const first = tab === 'log' ? Math.max(0, most - scroll) : Math.min(scroll, most);
  return lines.slice(first, first + height);
}

function highlighted(line: Line, query: string): Line {
  return line.some(({ text }) => isMatch(text, query)) ? line.map(({ text }) => span(text, 'match')) : line;
}

function headLines(cell: CellState, state: DashboardState, width: number): readonly Line[] {
  const { shards, images, seconds } = cell;
  const facts = [
    statusText(cell, state),
    `${formatCount(shards.done)}/${formatCount(shards.total)} shards`,
    ...(images > 0 ? [`${formatCount(images)} images`] : []),
    ...(seconds > 0 ? [`${formatDuration(seconds)} of work`] : []),
    ...(cell.savedSeconds > 0 ? [`saved ${formatDuration(cell.savedSeconds)}`] : []),
  ];
  const numbers = Object.entries(cell.metrics)
    .slice(0, 8)
    .map(([name, value]) => formatMetric(name, value));
  return [
    [span(cell.id, 'bold'), span(`  ${cell.uses}`, 'dim')],
    ...wrapped(facts.join(', '), width, styleOf(cell), '  '),
    ...(numbers.length > 0 ? wrapped(numbers.join(', '), width, 'plain', '  ') : []),
  ];
}

function styleOf({ status }: CellState): Style {
  if (status === 'failed') return 'bad';
  if (status === 'running') return 'busy';
  return status === 'finished' ? 'good' : status === 'reused' ? 'reused' : 'dim';
}

function tabLines(
  cell: CellState,
  state: DashboardState,
  tab: Exclude<CellTab, 'images'>,
  width: number,
): readonly Line[] {
  switch (tab) {
    case 'why': {
      const failure = failureLines(cell, state, width);
      const reasons = cell.because.flatMap((reason) => wrapped(`- ${reason}`, width, 'plain', '  '));
      if (reasons.length > 0 || failure.length > 0) return [...failure, ...reasons];
      return [[span('nothing changed since it was computed', 'dim')]];
    }
    case 'log': {
      const lines = cell.logs.flatMap((line) => wrapped(line, width, 'plain', '  '));
      return lines.length > 0 ? lines : [[span('nothing logged yet; e opens the log file', 'dim')]];
    }
    case 'timings':
      return timingLines(cell, state);
    case 'recipe':
      return recipeLines(cell, state, width);
    default:
      tab satisfies never;
      return [];
  }
}

/** One of the images of the first shard, by how far is scrolled. */
function imageContent(
  { firstKey }: CellState,
  find: FullSnapshot['pictures'],
  scroll: number,
  room: Parameters<typeof pictureLines>[1],
  graphics: FullSnapshot['graphics'],
): PicturedLines {
  if (firstKey === null)
    return withoutPictures([[span('its images can be seen once it has finished', 'dim')]]);
  const found = find === null ? 'images cannot be shown here' : find(firstKey);
  if (typeof found === 'string') return withoutPictures([[span(found, 'dim')]]);
  const index = Math.min(scroll, found.count - 1);
  const pair = found.at(index);
  const title = `${pair.title}  ${index + 1}/${found.count}, up and down turn`;
  if (graphics !== null)
    return picturesInPixels({ ...pair, title }, `${firstKey} ${index}`, { ...room, graphics });
  return withoutPictures(pictureLines({ ...pair, title }, room));
}

function timingLines(cell: CellState, state: DashboardState): readonly Line[] {
  if (cell.timings.length === 0) return [[span('nothing of it was computed in this run', 'dim')]];
  const longest = Math.max(...cell.timings.map(({ seconds }) => seconds));
  return cell.timings.map(({ shard, worker, endedAt, seconds, images }): Line => {
    const from = (endedAt - (state.startedAt ?? endedAt)) / 1000 - seconds;
    const bar = '='.repeat(Math.max(1, Math.round((16 * seconds) / Math.max(longest, 1e-9))));
    return [
      span(`shard ${String(shard).padEnd(4)} `),
      span(bar.padEnd(17), seconds > 0.9 * longest ? 'busy' : 'good'),
      span(formatDuration(seconds).padStart(8)),
      span(`  from ${formatDuration(Math.max(0, from))}, worker ${worker}`, 'dim'),
      span(images > 0 ? `, ${formatCount(images)} images` : '', 'dim'),
    ];
  });
}

/** Lists the ingredients of a cell, as far as the ledger says them. */
function recipeLines(cell: CellState, state: DashboardState, width: number): readonly Line[] {
  const lines: Line[] = Object.entries(cell.axes).map(([axis, label]) => [
    span(`${axis}: `, 'dim'),
    span(String(label)),
  ]);
  lines.unshift([span('uses: ', 'dim'), span(cell.uses)]);
  const read = cell.reads
    .flatMap(([first, last]) =>
      Array.from({ length: Math.min(6, last - first + 1) }, (_, offset) => first + offset),
    )
    .flatMap((position) => at(state.cells, position)?.id ?? []);
  for (const id of read.slice(0, 6)) lines.push([span('reads: ', 'dim'), span(id)]);
  const count = cell.reads.reduce((sum, [first, last]) => sum + last - first + 1, 0);
  if (count > 6) lines.push([span(`and ${formatCount(count - 6)} more`, 'dim')]);
  const work = state.kinds.get(cell.kind)?.work;
  if (work) {
    const each = Object.entries(work.perImage).map(
      ([name, amount]) => `${formatCount(Math.round(amount))} ${name}`,
    );
    if (each.length > 0) lines.push(...wrapped(`each image: ${each.join(', ')}`, width, 'dim', '  '));
  }
  return lines;
}
