import type { StageSettings } from '../../../dsl/graph.ts';
import type { SlurmOptions } from './options.ts';

export interface ScriptRequest {
  /** Shown by squeue. */
  readonly name: string;
  readonly folder: string;
  /** Number of array tasks. */
  readonly count: number;
  readonly resources: StageSettings['resources'];
  readonly options: SlurmOptions;
  /** Absolute paths of Node and of the worker's entry, as they are on the nodes. */
  readonly node: string;
  readonly entry: string;
}

/**
 * A task is warned this many seconds before its time limit, so that it can
 * commit what it has and come back later.
 */
export const warningSeconds = 90;

/**
 * The batch script of one array job: all that the administrator of a cluster needs to read. Paths stand in the lines
 * for the shell only, which has quotes for them; sbatch would read a blank, a quote or a `%` in a line of its own, so
 * it is given the path of the logs when it is called. Throws for a flag that is not a single word.
 */
export function slurmScript(request: ScriptRequest): string {
  const { name, folder, count, resources, options, node, entry } = request;
  const limit = options.parallel === undefined ? '' : `%${options.parallel}`;
  const memory = resources.memoryBytes ?? options.memoryBytes;
  const timeMs = resources.timeMs ?? options.timeMs;
  const gres = resources.gpu === undefined ? options.gres : `gpu:${resources.gpu}`;
  const flags = [
    `--job-name=${name}`,
    `--array=0-${count - 1}${limit}`,
    '--open-mode=append',
    '--requeue',
    `--signal=B:USR2@${warningSeconds}`,
    `--cpus-per-task=${options.cpus}`,
    ...(memory === undefined ? [] : [`--mem=${Math.max(1, Math.ceil(memory / 2 ** 20))}M`]),
    ...(timeMs === undefined ? [] : [`--time=${minutes(timeMs)}`]),
    ...(gres === undefined ? [] : [`--gres=${gres}`]),
    ...(['partition', 'account', 'qos', 'constraint'] as const).flatMap((option) =>
      options[option] === undefined ? [] : [`--${option}=${options[option]}`],
    ),
    ...options.flags,
  ];
  return [
    '#!/bin/sh',
    ...flags.map(directive),
    `export RAVELIN_THREADS=${options.cpus}`,
    // The worker replaces the shell, so that the warning reaches it.
    `exec ${quote(node)} ${quote(entry)} --batch ${quote(folder)}`,
    '',
  ].join('\n');
}

/** Whole minutes, as sbatch counts them. More than ten years would be no number that it reads. */
function minutes(ms: number): number {
  return Math.min(Math.max(1, Math.ceil(ms / 60_000)), 3650 * 24 * 60);
}

/** A pipeline gave most of the flags. The language refused what is not a word, and this does not rely on it. */
function directive(flag: string): string {
  if (/^--[\x21-\x7e]+$/.test(flag) && !/['"`\\#$]/.test(flag)) return `#SBATCH ${flag}`;
  throw new Error(`${JSON.stringify(flag)} cannot be a flag of a batch script: it is not a single word`);
}

function quote(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}
