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

/** The batch script of one array job: all that the administrator of a cluster needs to read. */
export function slurmScript(request: ScriptRequest): string {
  const { name, folder, count, resources, options, node, entry } = request;
  const limit = options.parallel === undefined ? '' : `%${options.parallel}`;
  const memory = resources.memoryBytes ?? options.memoryBytes;
  const timeMs = resources.timeMs ?? options.timeMs;
  const gres = resources.gpu === undefined ? options.gres : `gpu:${resources.gpu}`;
  const flags = [
    `--job-name=${name}`,
    `--array=0-${count - 1}${limit}`,
    `--output=${folder}/logs/%a.log`,
    '--open-mode=append',
    '--requeue',
    `--signal=B:USR2@${warningSeconds}`,
    `--cpus-per-task=${options.cpus}`,
    ...(memory === undefined ? [] : [`--mem=${Math.ceil(memory / 2 ** 20)}M`]),
    ...(timeMs === undefined ? [] : [`--time=${Math.max(1, Math.ceil(timeMs / 60_000))}`]),
    ...(gres === undefined ? [] : [`--gres=${gres}`]),
    ...(['partition', 'account', 'qos', 'constraint'] as const).flatMap((option) =>
      options[option] === undefined ? [] : [`--${option}=${options[option]}`],
    ),
    ...options.flags,
  ];
  return [
    '#!/bin/sh',
    ...flags.map((flag) => `#SBATCH ${flag}`),
    `export RAVELIN_THREADS=${options.cpus}`,
    // The worker replaces the shell, so that the warning reaches it.
    `exec ${quote(node)} ${quote(entry)} --batch ${quote(folder)}`,
    '',
  ].join('\n');
}

function quote(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}
