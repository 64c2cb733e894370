import { latestRun } from '../../runtime/run/read-ledger.ts';
import { stateOfRun } from '../../runtime/run/run-state.ts';
import { countShards } from '../../runtime/plan/units.ts';
import { describeBackend } from '../backend.ts';
import { announceChoices } from '../choices.ts';
import { exitCodes, type ExitCode } from '../exit-codes.ts';
import { formatColumns, print, printJson } from '../output.ts';
import { openPipeline, type PipelineOptions } from '../pipeline.ts';
import { failuresOfRun } from '../run-events.ts';
import { scoreColumns, scoresOf, shortScore } from '../run-results.ts';
import { backendJson, changeOfBackend, planPipeline } from './plan.ts';

/** Rows of scores that are printed for people. */
const mostScores = 60;

/**
 * Prints a line per stage with what is done and what is missing, the scores that are there, and the latest run of
 * this pipeline with its failures.
 */
export async function status(
  file: string,
  options: PipelineOptions & { readonly json?: boolean },
): Promise<ExitCode> {
  const pipeline = await openPipeline(file, options);
  const latest = latestRun(pipeline.cacheFolder, pipeline.file);
  announceChoices(`status ${file}`, pipeline, file, options, () => latest);
  const planned = await planPipeline(pipeline, [], {});
  const failed = latest === null ? new Map<string, string>() : failuresOf(pipeline.cacheFolder, latest.run);
  const stages = pipeline.graph.stages.map(({ id, partOf, firstCell, cellCount }) => {
    const shards = { total: 0, reuse: 0, run: 0 };
    let done = 0;
    const failures: { cell: string; message: string }[] = [];
    for (const cell of planned.cells.slice(firstCell, firstCell + cellCount)) {
      if (cell === null) continue;
      const counts = countShards(cell.units);
      shards.total += counts.total;
      shards.reuse += counts.reuse;
      shards.run += counts.run;
      if (counts.run === 0 && cell.failure === null) done++;
      const message = cell.failure?.message ?? (counts.run > 0 ? failed.get(cell.cell.id) : undefined);
      if (message !== undefined) failures.push({ cell: cell.cell.id, message });
    }
    return {
      stage: id,
      ...(partOf !== undefined && { partOf }),
      cells: cellCount,
      done,
      shards,
      failures,
    };
  });
  const scores = planned.cells.flatMap((cell) => {
    const outputs = cell?.units.map((unit) => (unit.state === 'reuse' ? unit.outputs : null)) ?? [];
    return cell !== null && outputs.every((unit) => unit !== null)
      ? scoresOf(pipeline.store, cell.cell, outputs)
      : [];
  });
  const change = await changeOfBackend(pipeline, planned, [], {});
  if (options.json) {
    printJson({
      pipeline: pipeline.graph.pipeline,
      ...backendJson(pipeline, change),
      latestRun: latest?.run ?? null,
      latestRunStatus: latest === null ? null : stateOfRun(pipeline.cacheFolder, latest),
      stages,
      scores: scoreColumns(scores),
      totals: planned.totals,
    });
    return exitCodes.ok;
  }
  print(
    formatColumns(
      stages.map(({ stage, partOf, cells, done, shards, failures }) => [
        stage,
        `${done}/${cells} ${partOf === undefined ? 'cells' : 'parts'}`,
        `${shards.reuse}/${shards.total} shards`,
        failures.length > 0 ? `${failures.length} failed` : done === cells ? 'done' : 'to run',
      ]),
    ),
  );
  if (scores.length > 0) print(formatColumns(scores.slice(0, mostScores).map(shortScore)));
  if (scores.length > mostScores)
    print(`… and ${scores.length - mostScores} more; 'ravelin metrics' prints those of a run`);
  if (latest !== null) print(`latest run ${latest.run}: ${stateOfRun(pipeline.cacheFolder, latest)}`);
  print(describeBackend(pipeline));
  if (change !== null) print(change.message);
  for (const { cell, message } of stages.flatMap(({ failures }) => failures))
    print(`failed: ${cell}: ${message}`);
  return exitCodes.ok;
}

function failuresOf(cacheFolder: string, run: string): Map<string, string> {
  return new Map(failuresOfRun(cacheFolder, run).map(({ cell, failure }) => [cell, failure.message]));
}
