import { choiceWords } from '../dashboard/format.ts';
import type { RunChoices } from '../runtime/events.ts';
import { latestRun, type RunInfo } from '../runtime/run/read-ledger.ts';
import { complain } from './output.ts';
import type { PipelineOptions } from './pipeline.ts';

/** The choices of a command line beside the file; undefined if there are none. */
export function choicesOf({ set = [], profile = [], seed }: PipelineOptions): RunChoices | undefined {
  if (set.length === 0 && profile.length === 0 && seed === undefined) return undefined;
  return { set, profile, seed: seed ?? null };
}

/**
 * Says what the latest run was given, if this command is given nothing: its results belong to those words. `file` is
 * the absolute path of the pipeline.
 */
export function announceChoices(
  command: string,
  { file, cacheFolder }: { readonly file: string; readonly cacheFolder: string },
  shownFile: string,
  options: PipelineOptions,
  latest: () => RunInfo | null = () => latestRun(cacheFolder, file),
): void {
  if (choicesOf(options) !== undefined) return;
  const words = choiceWords(latest()?.started?.choices);
  if (words === '') return;
  complain(
    `note: the latest run of ${shownFile} had${words}, and this command does not\n  fix: to see its results, write ravelin ${command}${words}`,
  );
}
