import { statSync } from 'node:fs';
import { relative } from 'node:path';
import { choiceWords, countCells, plural, shellQuote } from '../../dashboard/format.ts';
import { groupWarnings } from '../../dashboard/summary.ts';
import { projectRoot } from '../../dsl/project-root.ts';
import type { SourceFile } from '../../dsl/diagnostics/source.ts';
import type { RunEvent } from '../../runtime/events.ts';
import type { RunInfo } from '../../runtime/run/read-ledger.ts';
import { stateOfRun } from '../../runtime/run/run-state.ts';
import { openStore, type Store } from '../../runtime/store/store.ts';
import type { RunReport, ScoreTable, Source, StageCost, WorkInterval } from '../../report/html/run-report.ts';
import { eventsOfRun, remainingFailures } from '../run-events.ts';
import { scoreColumns, scoresOf, type ScoreRow } from '../run-results.ts';
import { complain } from '../output.ts';
import { claimsOf, type OriginatedScore } from './claims.ts';
import { readFigure } from './read-figure.ts';
import { readRecords, type RecordedCell, RunRecipes } from './run-recipes.ts';
import { originOfScores } from './score-origin.ts';

/** Rows of scores that a page shows: more make it slow, and `ravelin metrics --csv` has them. */
const shownScores = 2000;

type EventOf<T extends RunEvent['type']> = Extract<RunEvent, { type: T }>;
type ReportedEvent = EventOf<(typeof reportedEvents)[number]>;

const reportedEvents = [
  'run-started',
  'cell-planned',
  'shard-started',
  'shard-committed',
  'cell-finished',
  'cell-failed',
  'cell-retried',
  'warning',
  'not-published',
] as const;

/** Collects what the report of a run shows, from its ledger and the cache; nothing is computed. `sources` are the files of the pipeline. */
export function readReport(cacheFolder: string, info: RunInfo, sources: readonly SourceFile[]): RunReport {
  const store = openStore(cacheFolder, (message) => complain(`warning: ${message}`));
  const events = eventsOfRun(cacheFolder, info.run, reportedEvents);
  const cells = recordedCells(store, events);
  const declared = cells.filter(({ isPart }) => !isPart);
  const scores = declared.flatMap((cell) =>
    scoresOf(store, { id: cell.cell, stage: cell.stage, axes: cell.axes }, outputsOf(cell)).map((row) => ({
      cell,
      row,
    })),
  );
  const recipes = new RunRecipes(cells);
  const originated = scores.flatMap(({ cell, row }): OriginatedScore[] => {
    const origin = originOfScores(recipes, cell);
    return origin === null ? [] : [{ cell: cell.cell, row: row.values, origin }];
  });
  const { started, finished } = info;
  const remaining = new Set<ReportedEvent>(remainingFailures(events));
  const file = started?.file ?? '';
  return {
    pipeline: started?.pipeline ?? 'a run without a beginning',
    run: info.run,
    status: stateOfRun(cacheFolder, info),
    text: '',
    facts: factsOf(info, cells),
    command: `ravelin run ${shellQuote(file)}${choiceWords(started?.choices)}`,
    failures: events.flatMap((event) => {
      if (!remaining.has(event) && event.type !== 'not-published') return [];
      if (event.type !== 'cell-failed' && event.type !== 'not-published') return [];
      const { message, fix } = event.type === 'cell-failed' ? event.failure : event;
      return [{ cell: event.cell, message, ...(fix !== undefined && { fix }) }];
    }),
    warnings: warningsOf(events),
    claims: claimsOf(originated),
    figures: declared.flatMap((cell) => readFigure(store, recipes, cell) ?? []),
    scores: scoreTable(scores.map(({ row }) => row)),
    costs: costsOf(events),
    timeline: timelineOf(events, finished?.seconds ?? null),
    sources: sources.map((source) => shownSource(source, file, started?.at ?? Infinity)),
  };
}

function recordedCells(store: Store, events: readonly ReportedEvent[]): readonly RecordedCell[] {
  const keys = new Map<string, readonly string[]>();
  for (const event of events) if (event.type === 'cell-finished') keys.set(event.cell, event.keys);
  return events.flatMap((event) => {
    if (event.type !== 'cell-planned') return [];
    const { cell, stage, uses, axes, partOf } = event;
    const records = readRecords(store, keys.get(cell) ?? []);
    return [{ cell, stage, uses, axes, isPart: partOf !== undefined, records }];
  });
}

function outputsOf({ records }: RecordedCell): readonly RecordedCell['records'][number]['outputs'][] {
  return records.map(({ outputs }) => outputs);
}

function factsOf({ started, finished }: RunInfo, cells: readonly RecordedCell[]): RunReport['facts'] {
  const records = cells.flatMap((cell) => cell.records);
  const versions = [...new Set(records.map(({ ravelin }) => ravelin))].sort();
  const identities = new Set(
    records.flatMap(({ preimage }) =>
      preimage['numerics'] === undefined ? [] : [JSON.stringify(preimage['numerics'])],
    ),
  );
  const totals = finished?.totals;
  const facts: readonly (readonly [string, string | null])[] = [
    ['pipeline', started?.file ?? null],
    ['began', started === null || Math.abs(started.at) > 8.64e15 ? null : new Date(started.at).toISOString()],
    [
      'took',
      finished === null
        ? null
        : `${finished.seconds.toFixed(1)} s with ${plural(started?.workers ?? 0, 'worker')}`,
    ],
    [
      'work',
      totals === undefined
        ? null
        : `${countCells(totals)}, ${plural(totals.ran, 'shard')} computed, ${totals.reused} reused, ${totals.failed} failed`,
    ],
    ['backend', started?.backend ?? null],
    ['numeric identities', identities.size === 0 ? null : [...identities].sort().join(', ')],
    [
      'computed by',
      versions.length === 0 ? null : versions.map((version) => `ravelin ${version}`).join(', '),
    ],
    ['host', started?.host ?? null],
  ];
  return facts.flatMap(([name, value]) => (value === null ? [] : [[name, value] as const]));
}

function warningsOf(events: readonly ReportedEvent[]): RunReport['warnings'] {
  const groups = groupWarnings(events.filter((event) => event.type === 'warning'));
  return [...groups].map(([message, cells]) => ({ message, cells: [...cells] }));
}

function scoreTable(rows: readonly ScoreRow[]): ScoreTable {
  const shown = scoreColumns(rows.slice(0, shownScores));
  const columns = [...new Set(shown.flatMap((row) => Object.keys(row)))].filter((name) => name !== 'stage');
  return { columns, rows: shown.map((row) => columns.map((name) => row[name] ?? null)), total: rows.length };
}

function costsOf(events: readonly ReportedEvent[]): readonly StageCost[] {
  const costs = new Map<string, { -readonly [Name in keyof StageCost]: StageCost[Name] }>();
  const stages = new Map<string, string>();
  for (const event of events) {
    if (event.type === 'cell-planned') {
      const { cell, stage, uses, shards } = event;
      stages.set(cell, stage);
      const cost = costs.get(stage) ?? {
        stage,
        uses: [],
        cells: 0,
        units: 0,
        reused: 0,
        seconds: 0,
        cpuSeconds: 0,
      };
      if (!cost.uses.includes(uses)) cost.uses = [...cost.uses, uses];
      cost.cells++;
      cost.units += shards.total;
      cost.reused += shards.reuse;
      costs.set(stage, cost);
    }
    if (event.type !== 'shard-committed') continue;
    const cost = costs.get(stages.get(event.cell) ?? '');
    if (cost === undefined) continue;
    if (event.reused) cost.reused++;
    else {
      cost.seconds += event.seconds;
      cost.cpuSeconds += event.time?.cpu ?? 0;
    }
  }
  return [...costs.values()];
}

function timelineOf(events: readonly ReportedEvent[], seconds: number | null): readonly WorkInterval[] {
  const [first] = events;
  if (first === undefined) return [];
  const stages = new Map<string, string>();
  const running = new Map<string, EventOf<'shard-started'>>();
  const intervals: WorkInterval[] = [];
  // The clock may have been set meanwhile.
  const since = (at: number): number => Math.min(Math.max(0, (at - first.at) / 1000), seconds ?? Infinity);
  for (const event of events) {
    if (event.type === 'cell-planned') stages.set(event.cell, event.stage);
    if (event.type === 'shard-started') running.set(`${event.cell} ${event.shard}`, event);
    if (event.type !== 'shard-committed' || event.reused) continue;
    const began = running.get(`${event.cell} ${event.shard}`);
    if (began === undefined) continue;
    const { worker, cell } = began;
    const [start, end] = [since(began.at), since(event.at)];
    intervals.push({ worker, cell, stage: stages.get(cell) ?? cell, start, end: Math.max(start, end) });
  }
  return intervals;
}

function shownSource({ absolute, text }: SourceFile, file: string, startedAt: number): Source {
  const stat = statSync(absolute, { throwIfNoEntry: false });
  return {
    path: relative(projectRoot(file), absolute),
    text,
    changed: stat !== undefined && stat.mtimeMs > startedAt,
  };
}
