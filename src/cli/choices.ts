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

/** Options of a run that do not choose what is computed, but how. */
export interface RunManner extends PipelineOptions {
  readonly jobs?: number;
  readonly executor?: string;
  readonly keepGoing?: boolean;
  readonly failFast?: boolean;
  readonly overwrite?: boolean;
  readonly trust?: boolean;
  readonly allowPath?: readonly string[];
}

/** The options of a command line beside its choices, as they would be given again. */
export function mannerOf(options: RunManner): readonly string[] {
  const { cache, backend, maxCells, jobs, executor, allowPath = [] } = options;
  return [
    ...(cache === undefined ? [] : ['--cache', cache]),
    ...(backend === undefined ? [] : ['--backend', backend]),
    ...(maxCells === undefined ? [] : ['--max-cells', String(maxCells)]),
    ...(jobs === undefined ? [] : ['--jobs', String(jobs)]),
    ...(executor === undefined ? [] : ['--executor', executor]),
    ...(options.keepGoing === true ? ['--keep-going'] : []),
    ...(options.failFast === true ? ['--fail-fast'] : []),
    ...(options.overwrite === true ? ['--overwrite'] : []),
    ...(options.trust === true ? ['--trust'] : []),
    ...allowPath.flatMap((path) => ['--allow-path', path]),
  ];
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
