import { why as explainCell } from '../../runtime/plan/plan-json.ts';
import { shellWord } from '../../dsl/text/shell-word.ts';
import { announceChoices } from '../choices.ts';
import { exitCodes, type ExitCode, UsageError } from '../exit-codes.ts';
import { print, printJson } from '../output.ts';
import { openPipeline, type PipelineOptions } from '../pipeline.ts';
import { selected } from '../selection.ts';
import { planPipeline } from './plan.ts';

/** Cells upstream whose reasons are printed. */
const shownRoots = 5;

/** Explains why a cell would run or be reused, back to what was changed. */
export async function why(
  file: string,
  cell: string,
  options: PipelineOptions & { readonly json?: boolean },
): Promise<ExitCode> {
  const pipeline = await openPipeline(file, options);
  announceChoices(`why ${file} ${shellWord(cell)}`, pipeline, file, options);
  const cells = selected(pipeline.graph, [cell]);
  const planned = await planPipeline(pipeline, [cell], {});
  const stories = [...cells]
    .map((index) => explainCell(planned, pipeline.store, index))
    .filter((story) => story !== null);
  if (stories.length === 0)
    throw new UsageError(`'${cell}' does not name a cell`, 'ravelin plan lists the cells');
  if (options.json) {
    printJson(stories.length === 1 ? stories[0] : stories);
    return exitCodes.ok;
  }
  for (const { cell: id, because, failure, roots, shards } of stories) {
    const run = shards.filter(({ state }) => state !== 'reuse').length;
    print(`${id}: ${run === 0 ? 'reused' : `${run} of ${shards.length} shards to run`}`);
    if (failure !== null) print(`  cannot run: ${failure.message}`);
    for (const reason of because) print(`  ${reason}`);
    for (const root of roots.slice(0, shownRoots)) print(`    ${root.cell}: ${root.because.join('; ')}`);
    if (roots.length > shownRoots) print(`    and ${roots.length - shownRoots} more cells`);
    const reused = shards.find(({ state }) => state === 'reuse');
    if (run === 0 && reused?.created !== undefined) {
      print(`  nothing that it depends on has changed since ${reused.created}`);
    }
  }
  return exitCodes.ok;
}
