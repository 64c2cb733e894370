import { latestRun, readLedger } from '../../runtime/run/ledger.ts';
import { countShards } from '../../runtime/plan/units.ts';
import { describeBackend } from '../backend.ts';
import { announceChoices, latestRunOf } from '../choices.ts';
import { exitCodes, type ExitCode } from '../exit-codes.ts';
import { formatColumns, print, printJson } from '../output.ts';
import { openPipeline, type PipelineOptions } from '../pipeline.ts';
import { backendJson, changeOfBackend, planPipeline } from './plan.ts';

/**
 * Prints a line per stage with what is done and what is missing, and the failures of the latest run of this
 * pipeline.
 */
export async function status(
  file: string,
  options: PipelineOptions & { readonly json?: boolean },
): Promise<ExitCode> {
  const pipeline = await openPipeline(file, options);
  announceChoices(`status ${file}`, pipeline, file, options);
  const planned = await planPipeline(pipeline, [], {});
  const failed = failuresOf(pipeline.cacheFolder, pipeline.file);
  const stages = pipeline.graph.stages.map(({ id, firstCell, cellCount }) => {
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
    return { stage: id, cells: cellCount, done, shards, failures };
  });
  const change = await changeOfBackend(pipeline, planned, [], {});
  if (options.json) {
    printJson({
      pipeline: pipeline.graph.pipeline,
      ...backendJson(pipeline, change),
      latestRun: latestRun(pipeline.cacheFolder)?.run ?? null,
      stages,
      totals: planned.totals,
    });
    return exitCodes.ok;
  }
  print(
    formatColumns(
      stages.map(({ stage, cells, done, shards, failures }) => [
        stage,
        `${done}/${cells} cells`,
        `${shards.reuse}/${shards.total} shards`,
        failures.length > 0 ? `${failures.length} failed` : done === cells ? 'done' : 'to run',
      ]),
    ),
  );
  print(describeBackend(pipeline));
  if (change !== null) print(change.message);
  for (const { cell, message } of stages.flatMap(({ failures }) => failures))
    print(`failed: ${cell}: ${message}`);
  return exitCodes.ok;
}

function failuresOf(cacheFolder: string, file: string): ReadonlyMap<string, string> {
  const run = latestRunOf(cacheFolder, file);
  if (run === undefined) return new Map();
  return new Map(
    readLedger(cacheFolder, run.run).flatMap((event) =>
      event.type === 'cell-failed' ? [[event.cell, event.failure.message] as const] : [],
    ),
  );
}
