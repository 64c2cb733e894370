import { createInterface } from 'node:readline';
import { UsageError } from '../exit-codes.ts';
import { complain } from '../output.ts';
import { openPipeline, type PipelineOptions } from '../pipeline.ts';
import type { SelectionOptions } from '../selection.ts';
import { terminal } from '../terminal.ts';
import { describePlan, planPipeline } from './plan.ts';

/**
 * Shows the plan of a run, and resolves to whether the person at the terminal wants it; also to true if there is nothing to
 * compute. Throws `UsageError` if nobody can answer.
 */
export async function confirmRun(
  file: string,
  selectors: readonly string[],
  options: PipelineOptions & SelectionOptions,
): Promise<boolean> {
  const { stdin, stderr, isInBackground } = terminal();
  if (![stdin.isTTY, stderr.isTTY].every(Boolean) || isInBackground)
    throw new UsageError(
      '--confirm asks on a terminal, and there is none',
      'leave it out, or look at the plan first: ravelin plan',
    );
  const pipeline = await openPipeline(file, options);
  const planned = await planPipeline(pipeline, selectors, options);
  const { totals } = planned;
  // Beside the question: the output may go into a file, or to a program that reads events.
  complain(await describePlan(pipeline, planned, selectors, options));
  if (totals.run === 0) return true;
  complain(`Compute ${totals.run === 1 ? 'this shard' : `these ${totals.run} shards`}? Type y to go on.`);
  const answer = await firstLine(stdin);
  if (/^\s*y(es)?\s*$/i.test(answer)) return true;
  complain('Nothing was computed.');
  return false;
}

/** Resolves to the next line of the terminal, or to an empty text at its end. */
async function firstLine(stdin: NodeJS.ReadStream): Promise<string> {
  const lines = createInterface({ input: stdin, terminal: false });
  try {
    return await new Promise((resolve) => {
      lines.once('line', resolve);
      lines.once('close', () => resolve(''));
    });
  } finally {
    lines.close();
  }
}
