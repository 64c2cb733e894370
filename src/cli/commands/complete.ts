/**
 * Completes words that only the pipeline knows: stages, cells, params and profiles. The scripts of `ravelin completion`
 * call it at a press of a key, so it never complains: whatever is wrong, there is nothing to complete.
 */
import type { Command } from 'commander';
import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { cacheFolderOf } from '../cache-folder.ts';
import { fileFirst, isPipelineFile } from '../command-words.ts';
import { paramCandidates, selectionCandidates } from '../completion/candidates.ts';
import { splitLine } from '../completion/shell-line.ts';
import { readTyped, type TypedCommand } from '../completion/typed-command.ts';
import { exitCodes, type ExitCode } from '../exit-codes.ts';
import { print } from '../output.ts';
import { openGraph, type PipelineOptions } from '../pipeline.ts';

/** Commands that take selections or cells after the pipeline file. */
const withCells = ['plan', 'run', 'why', 'export', 'logs'];

/** Options whose value is a selection. */
const selecting = ['only', 'from', 'force'];

/**
 * Prints the candidates for the last word, one a line. `shell` is bash, whose `line` is one word, the line up to the
 * cursor, with what divides words in it as the second; or another shell, whose `line` is the words after `ravelin`.
 */
export async function complete(shell: string, line: readonly string[], program: Command): Promise<ExitCode> {
  const { words, cut } = shell === 'bash' ? splitLine(line[0] ?? '', line[1] ?? '') : { words: line, cut: 0 };
  const typed = readTyped(program, shell === 'bash' ? words.slice(1) : words);
  const candidates = (await candidatesFor(typed).catch(() => []))
    .map((candidate) => `${typed.before}${candidate}`)
    // A shell would take a line break for the end of a candidate.
    .filter((candidate) => candidate.startsWith(words.at(-1) ?? '') && !/\p{Cc}/u.test(candidate))
    .map((candidate) => candidate.slice(cut));
  if (candidates.length > 0) print(candidates.join('\n'));
  return exitCodes.ok;
}

async function candidatesFor(command: TypedCommand): Promise<readonly string[]> {
  const { option, typed } = command;
  if (option !== null) {
    const name = option.name();
    if (option.argChoices !== undefined) return option.argChoices;
    if (name === 'profile') return profileNames(pipelineOf(command));
    if (name === 'set') return paramCandidates(await graphOf(command), typed);
    return selecting.includes(name) ? selectionCandidates(await graphOf(command), typed) : [];
  }
  if (typed.startsWith('-')) return [];
  const name = command.command.name();
  const takesCell =
    withCells.includes(name) || (name === 'show' && command.command.parent?.name() === 'model');
  return takesCell ? selectionCandidates(await graphOf(command), typed) : [];
}

/** The pipeline file of the command. Throws `UsageError` if it names none, and the folder has no default. */
function pipelineOf({ words }: TypedCommand): string {
  return fileFirst(words.filter((word, index) => index === 0 && isPipelineFile(word))).file;
}

async function graphOf(command: TypedCommand): ReturnType<typeof openGraph> {
  const file = pipelineOf(command);
  const { values, option } = command;
  const cache = values.get('cache')?.at(-1);
  const options: PipelineOptions = {
    // What is being set may be wrong, or not there yet.
    set: option?.name() === 'set' ? [] : (values.get('set') ?? []),
    profile: values.get('profile') ?? [],
    ...(cache !== undefined && { cache }),
  };
  // A press of a key makes no folder.
  return openGraph(file, options, {
    remember: existsSync(cacheFolderOf(resolve(file), cache)),
    warn: false,
  });
}

async function profileNames(file: string): Promise<readonly string[]> {
  const { profilesOf } = await import('../../dsl/load.ts');
  return profilesOf(resolve(file));
}
