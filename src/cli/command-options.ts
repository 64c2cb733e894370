/** Shared by the commands: handlers that are imported when they are called, and readers of options. */
import { type Command, Option } from 'commander';
import { allowHere } from './allow-here.ts';
import { fileFirst } from './command-words.ts';
import { type ExitCode, UsageError } from './exit-codes.ts';

type Handler = (...parameters: never[]) => Promise<ExitCode> | ExitCode;

/** Wraps a lazily imported handler. It gets the arguments and the options, including the global ones. */
export function lazy(load: () => Promise<Handler>): (...parameters: unknown[]) => Promise<void> {
  return async (...parameters) => {
    const handler = await load();
    const command = parameters.at(-1) as Command;
    const options = command.optsWithGlobals<{
      readonly trust?: boolean;
      readonly allowPath?: readonly string[];
    }>();
    if (options.trust === true) process.env['RAVELIN_TRUST'] = '1';
    if (options.allowPath !== undefined) allowHere(options.allowPath);
    process.exitCode = await handler(...([...parameters.slice(0, -2), options] as never[]));
  };
}

/**
 * Wraps the handler of a command whose first word is the pipeline file, which may be left out. `words` says
 * what follows the file: any number of words as one list, one that is needed, or nothing.
 */
export function lazyWithFile(
  words: 'list' | 'one' | 'none',
  load: () => Promise<Handler>,
): (...parameters: unknown[]) => Promise<void> {
  return lazy(async () => {
    const handler = (await load()) as (...parameters: unknown[]) => Promise<ExitCode> | ExitCode;
    return (...parameters: unknown[]) => {
      const given = parameters
        .slice(0, -1)
        .flat()
        .filter((word) => typeof word === 'string');
      const { file, rest } = fileFirst(given);
      if (words === 'list') return handler(file, rest, parameters.at(-1));
      const [word, extra] = rest;
      if (words === 'one' && word === undefined)
        throw new UsageError(
          `no cell was given after ${file}`,
          "name one; 'ravelin dag --expand' lists them",
        );
      const superfluous = words === 'one' ? extra : word;
      if (superfluous !== undefined) throw new UsageError(`'${superfluous}' is not expected after ${file}`);
      return words === 'one' ? handler(file, word, parameters.at(-1)) : handler(file, parameters.at(-1));
    };
  });
}

export const collect = (value: string, previous: readonly string[] | undefined): readonly string[] => [
  ...(previous ?? []),
  value,
];

export const listOfWords = (value: string): readonly string[] => value.split(',').map((word) => word.trim());

export function positiveIntegers(text: string): number[] {
  return text.split(',').map(positiveInteger);
}

export function positiveInteger(text: string): number {
  const value = Number(text.replaceAll('_', ''));
  if (!Number.isSafeInteger(value) || value < 1)
    throw new UsageError(`'${text}' is not a positive whole number`);
  return value;
}

export function naturalNumber(text: string): number {
  const value = Number(text.replaceAll('_', ''));
  if (!Number.isSafeInteger(value) || value < 0)
    throw new UsageError(`'${text}' is not a whole number (0, 1, 2, …)`);
  return value;
}

/** Options of every command that reads a pipeline. */
export function withPipelineOptions(command: Command): Command {
  return command
    .option('-S, --set <params.NAME=VALUE>', 'set a parameter of the pipeline (repeatable)', collect)
    .option('-p, --profile <name>', 'apply a profile of the pipeline (repeatable, in order)', collect)
    .option('--seed <n>', 'seed of all random numbers, instead of the one in the file', naturalNumber)
    .option(
      '--max-cells <n>',
      'refuse pipelines with more cells than this (default: 100000)',
      positiveInteger,
    )
    .addOption(
      new Option(
        '--backend <name>',
        'tensor backend (default: as the pipeline says, else that of its last run, else the best)',
      ).choices(['auto', 'wasm', 'tensorflow', 'webgpu']),
    );
}
