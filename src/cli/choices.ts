import { resolve } from 'node:path';
import { shellWord } from '../dsl/text/shell-word.ts';
import type { RunChoices } from '../runtime/events.ts';
import { latestRun, type RunInfo } from '../runtime/run/read-ledger.ts';
import { complain } from './output.ts';
import type { PipelineOptions } from './pipeline.ts';

/** The choices of a command line beside the file; undefined if there are none. */
export function choicesOf({ set = [], profile = [], seed }: PipelineOptions): RunChoices | undefined {
  if (set.length === 0 && profile.length === 0 && seed === undefined) return undefined;
  return { set, profile, seed: seed ?? null };
}

/** The choices as they are typed: ` -S params.images=32 -p smoke`; empty if there are none. */
export function choiceWords(choices: RunChoices | undefined): string {
  if (choices === undefined) return '';
  const words = [
    ...choices.set.flatMap((value) => ['-S', value]),
    ...choices.profile.flatMap((name) => ['-p', name]),
    ...(choices.seed === null ? [] : ['--seed', String(choices.seed)]),
  ];
  return words.map((word) => ` ${shellWord(word)}`).join('');
}

/** The latest run of a pipeline file; undefined if it has not run. */
export function latestRunOf(cacheFolder: string, file: string): RunInfo | undefined {
  return latestRun(cacheFolder, resolve(file)) ?? undefined;
}

/**
 * The words that the latest run of a pipeline had and this command has not; empty if it had none, or if this
 * command chooses for itself.
 */
export function forgottenChoices(cacheFolder: string, file: string, options: PipelineOptions): string {
  if (choicesOf(options) !== undefined) return '';
  return choiceWords(latestRunOf(cacheFolder, file)?.started?.choices);
}

/** Says what the latest run was given, if this command is given nothing: its results belong to those words. */
export function announceChoices(
  command: string,
  { file, cacheFolder }: { readonly file: string; readonly cacheFolder: string },
  shownFile: string,
  options: PipelineOptions,
): void {
  const words = forgottenChoices(cacheFolder, file, options);
  if (words === '') return;
  complain(
    `note: the latest run of ${shownFile} had${words}, and this command has not\n  fix: to see its results, write ravelin ${command}${words}`,
  );
}
