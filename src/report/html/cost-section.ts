import { seriesLook } from '../palette.ts';
import { element } from '../svg.ts';
import { html, table, text } from './elements.ts';
import type { RunReport, StageCost, WorkInterval } from './run-report.ts';

/** Shows where the time went: a table of stages, and what each worker did when. */
export function costSection({ costs, timeline }: Pick<RunReport, 'costs' | 'timeline'>): string {
  const columns = [
    { head: 'stage' },
    { head: 'type' },
    { head: 'cells', isNumber: true },
    { head: 'shards', isNumber: true },
    { head: 'reused', isNumber: true },
    { head: 'seconds', isNumber: true },
    { head: 'processor seconds', isNumber: true },
  ];
  const rows = costs.map(({ stage, uses, cells, units, reused, seconds, cpuSeconds }: StageCost) => [
    { html: text(stage) },
    { html: uses.map((type) => html('code', {}, text(type))).join(' ') },
    ...[cells, units, reused].map((count) => ({ html: String(count), sort: count })),
    ...[seconds, cpuSeconds].map((amount) => ({ html: amount.toFixed(1), sort: amount })),
  ]);
  return html(
    'section',
    { id: 'cost' },
    html('h2', {}, 'Cost'),
    timeline.length === 0
      ? html('p', {}, 'Nothing was computed in this run: every result was there.')
      : timelineFigure(timeline, costs),
    table('Stages, their shards, and the seconds of those that this run computed', columns, rows),
  );
}

const width = 1000;
const laneHeight = 18;
const axisHeight = 22;
/** Intervals of one lane and stage that are nearer than a third of a pixel are drawn as one. */
const nearPixels = 0.34;

/** A lane for each worker, a bar for each unit in the colour of its stage. */
function timelineFigure(timeline: readonly WorkInterval[], costs: readonly StageCost[]): string {
  const end = Math.max(...timeline.map((interval) => interval.end), 1e-3);
  const lanes = [...new Set(timeline.map(({ worker }) => worker))].sort((one, other) => one - other);
  const x = (seconds: number): number => (seconds / end) * width;
  const stages = costs
    .map(({ stage }) => stage)
    .filter((stage) => timeline.some((unit) => unit.stage === stage));
  const colour = (stage: string): string => {
    const { colour: found } = seriesLook(stages.indexOf(stage));
    // Black would vanish on a dark page.
    return found === '#000000' ? 'currentColor' : found;
  };
  const bars = lanes.flatMap((lane, index) =>
    merged(
      timeline.filter(({ worker }) => worker === lane),
      end,
    ).map(({ stage, start, end: until, units }) =>
      element(
        'rect',
        {
          x: x(start),
          y: index * laneHeight + 2,
          width: Math.max(0.5, x(until) - x(start)),
          height: laneHeight - 4,
          fill: colour(stage),
        },
        element(
          'title',
          {},
          text(`${stage}, shards: ${units}, ${start.toFixed(1)} to ${until.toFixed(1)} s`),
        ),
      ),
    ),
  );
  const height = lanes.length * laneHeight;
  const ticks = [0, 0.25, 0.5, 0.75, 1].map((share) =>
    element(
      'text',
      {
        x: share * width,
        y: height + 15,
        'font-size': 12,
        fill: 'currentColor',
        'text-anchor': share === 0 ? 'start' : share === 1 ? 'end' : 'middle',
      },
      `${(share * end).toFixed(end < 20 ? 1 : 0)} s`,
    ),
  );
  const key = stages.map((stage) =>
    html('li', {}, html('span', { style: `background:${colour(stage)}` }), text(stage)),
  );
  return html(
    'figure',
    {},
    element(
      'svg',
      {
        viewBox: `0 0 ${width} ${height + axisHeight}`,
        role: 'img',
        'aria-label': `Work of each worker over ${end.toFixed(1)} seconds`,
      },
      ...bars,
      ...ticks,
    ),
    html('ul', { class: 'key' }, ...key),
    html('figcaption', {}, 'A lane for each worker, in the colours of the stages.'),
  );
}

interface Bar {
  readonly stage: string;
  readonly start: number;
  end: number;
  units: number;
}

/** Joins neighbours of the same stage that could not be told apart, so that a long run stays a small picture. */
function merged(lane: readonly WorkInterval[], seconds: number): readonly Bar[] {
  const near = (nearPixels / width) * seconds;
  const bars: Bar[] = [];
  for (const { stage, start, end } of [...lane].sort((one, other) => one.start - other.start)) {
    const last = bars.at(-1);
    if (last !== undefined && last.stage === stage && start - last.end <= near) {
      last.end = Math.max(last.end, end);
      last.units++;
    } else bars.push({ stage, start, end, units: 1 });
  }
  return bars;
}
