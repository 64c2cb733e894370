import { readdirSync, statSync } from 'node:fs';
import { shortList } from '../values/nearest.ts';
import { UsageError } from './exit-codes.ts';

/** The pipeline that `ravelin init` writes. Editors know its kind by the end of its name. */
export const defaultFile = 'pipeline.ravelin.yaml';

/** Other names of the pipeline of a folder, in order. */
const otherDefaults = ['ravelin.yaml', 'pipeline.yaml'] as const;

/**
 * The pipeline of commands that name none: the one that `ravelin init` writes, or one with another of the usual names, or the only
 * one in this folder that ends in `.ravelin.yaml`. Null if there is none.
 */
export function findDefaultFile(folder = '.'): string | null {
  const names = namesIn(folder);
  const usual = [defaultFile, ...otherDefaults].find((name) => names.includes(name));
  const ending = names.filter(hasEnding);
  return usual ?? (ending.length === 1 ? ending[0]! : null);
}

const hasEnding = (name: string): boolean => /.\.ravelin\.ya?ml$/.test(name);

function namesIn(folder: string): readonly string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}

/** Whether a word of a command names a pipeline file, and not a selection of cells or a run. */
export function isPipelineFile(word: string): boolean {
  return /\.ya?ml$/i.test(word) || isFile(word);
}

function isFile(path: string): boolean {
  try {
    return statSync(path).isFile();
  } catch {
    return false;
  }
}

/**
 * Splits the words of a command into the pipeline file and the rest. If the first word names no file, and the
 * folder has a pipeline by one of the usual names, that is the file. Throws `UsageError` if no file is named and none is there.
 */
export function fileFirst(words: readonly string[]): {
  readonly file: string;
  readonly rest: readonly string[];
} {
  const [first, ...rest] = words;
  if (first !== undefined && isPipelineFile(first)) return { file: first, rest };
  const found = findDefaultFile();
  if (found !== null) return { file: found, rest: words };
  if (first !== undefined) return { file: first, rest };
  const several = namesIn('.').filter(hasEnding).sort();
  if (several.length > 1)
    throw new UsageError(
      `no pipeline was given, and this folder has ${several.length}: ${shortList(several)}`,
      'name one of them',
    );
  throw new UsageError(
    `no pipeline was given, and there is no ${defaultFile} in this folder`,
    "name its file, or write a first one with 'ravelin init'",
  );
}

/** Writes `help weights fetch` as `weights fetch --help`, because the parser takes the first word alone. */
export function withNestedHelp(words: readonly string[]): readonly string[] {
  const [node, script, first, ...rest] = words;
  return first === 'help' && rest.length > 1 ? [node!, script!, ...rest, '--help'] : words;
}

/**
 * Writes the selection of `--force SELECT` as `--force=SELECT`, and `--force` alone as `--force=*`, because
 * the parser would take the next word for the selection even if it is the pipeline file.
 */
export function withForcedSelection(words: readonly string[]): readonly string[] {
  if (words[2] === 'complete' || (!words.includes('run') && !words.includes('plan'))) return words;
  const result: string[] = [];
  for (let index = 0; index < words.length; index++) {
    const word = words[index]!;
    const next = words[index + 1];
    if (word !== '--force') result.push(word);
    else if (next === undefined || next.startsWith('-') || isPipelineFile(next)) result.push('--force=*');
    else result.push(`--force=${words[++index]!}`);
  }
  return result;
}
