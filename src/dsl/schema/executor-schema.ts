/** The schema of `executor:`, and the flags of sbatch that every pipeline may give. */
import { type TSchema, Type } from '@sinclair/typebox';

export const builtInExecutors = ['local', 'slurm'] as const;

/**
 * The characters of a word for sbatch. White space and control characters would end the word or the line of the batch
 * script, and a shell or sbatch would read quotes and comments.
 */
const wordCharacters = String.raw`A-Za-z0-9_.,:=+@/&|*()\[\]%~-`;

const word = (description: string) =>
  Type.Optional(
    Type.String({
      pattern: String.raw`^[A-Za-z0-9_(\[][${wordCharacters}]*$`,
      patternSays: 'a word of letters, digits and any of _.,:=+@/&|*()[]%~-',
      description,
    }),
  );

const duration = (description: string) =>
  Type.Optional(Type.Number({ minimum: 0, unit: 'duration', description }));

const slurmOptions = {
  partition: word('partition to submit to'),
  account: word('account to charge'),
  qos: word('quality of service'),
  constraint: word('features that a node must have'),
  gres: word('generic resources of a task, such as gpu:1; resources.gpu of a stage goes first'),
  time: duration('time limit of a task, such as 30m; resources.time of a stage goes first'),
  memory: Type.Optional(
    Type.Number({
      minimum: 0,
      unit: 'bytes',
      description: 'memory of a task, such as 8GiB; resources.memory of a stage goes first',
    }),
  ),
  cpus: Type.Optional(Type.Integer({ minimum: 1, description: 'processors of a task; default 1' })),
  parallel: Type.Optional(Type.Integer({ minimum: 1, description: 'tasks of a stage at the same time' })),
  unitsPerTask: Type.Optional(
    Type.Integer({ minimum: 1, description: 'shards that one task computes one after the other; default 1' }),
  ),
  poll: duration('pause between two queries to the scheduler; default 30s'),
  flags: Type.Optional(
    Type.Array(
      Type.String({
        pattern: `^--[a-z][a-z-]*(=[${wordCharacters}]+)?$`,
        patternSays: 'a long flag without white space, such as --exclude=node7',
      }),
      { description: 'further flags for sbatch' },
    ),
  ),
};

/** The keys of `executor:` as a map. */
export const executorOptions: readonly string[] = ['uses', ...Object.keys(slurmOptions)];

const description = 'where cells run: local, or slurm with its options';
const shapeOf = (options: Readonly<Record<string, TSchema>>) =>
  Type.Union(
    [Type.String(), Type.Object({ uses: Type.String(), ...options }, { additionalProperties: false })],
    { description },
  );

/** `executor:` after `$(…)` is put in. */
export const executorSchema = shapeOf(slurmOptions);

/** `executor:` as it is written: `$(…)` may still stand for any value. */
export const executorShape = shapeOf(
  Object.fromEntries(Object.keys(slurmOptions).map((name) => [name, Type.Optional(Type.Unknown())])),
);

/**
 * Flags of sbatch that choose nodes, time and priority of a job. The others may change what a job runs, what it
 * inherits or which files it writes (`--export`, `--wrap`, `--output`, `--chdir`, `--container`, `--bbf`, …).
 */
const harmlessFlags = new Set([
  'account',
  'begin',
  'clusters',
  'comment',
  'constraint',
  'contiguous',
  'core-spec',
  'cores-per-socket',
  'cpu-freq',
  'cpus-per-gpu',
  'cpus-per-task',
  'deadline',
  'delay-boot',
  'dependency',
  'distribution',
  'exclude',
  'exclusive',
  'gpu-bind',
  'gpu-freq',
  'gpus',
  'gpus-per-node',
  'gpus-per-task',
  'gres',
  'gres-flags',
  'hint',
  'hold',
  'licenses',
  'mail-type',
  'mem',
  'mem-bind',
  'mem-per-cpu',
  'mem-per-gpu',
  'mincpus',
  'nice',
  'nodelist',
  'nodes',
  'ntasks',
  'ntasks-per-core',
  'ntasks-per-node',
  'ntasks-per-socket',
  'overcommit',
  'oversubscribe',
  'partition',
  'prefer',
  'priority',
  'qos',
  'reservation',
  'sockets-per-node',
  'spread-job',
  'switches',
  'thread-spec',
  'threads-per-core',
  'time',
  'time-min',
  'tmp',
  'use-min-nodes',
  'wckey',
]);

/** Whether any pipeline may give this flag to sbatch; others must be allowed by the project. */
export function isHarmlessFlag(flag: string): boolean {
  const name = /^--([a-z-]+)(=|$)/.exec(flag)?.[1];
  return name !== undefined && harmlessFlags.has(name);
}
