import type { Json } from '../../../values/json.ts';

/** Options of `executor: { uses: slurm, … }`, as the language has checked them. */
export interface SlurmOptions {
  readonly partition?: string;
  readonly account?: string;
  readonly qos?: string;
  readonly constraint?: string;
  readonly gres?: string;
  /** Limits of stages without `resources` of their own. */
  readonly timeMs?: number;
  readonly memoryBytes?: number;
  readonly cpus: number;
  /** The number of array tasks that may run at the same time; no limit if absent. */
  readonly parallel?: number;
  /** Units that one array task computes one after the other, to share its start. */
  readonly unitsPerTask: number;
  /** Further flags for sbatch, which are passed on as they are. */
  readonly flags: readonly string[];
  /** Pause between two queries to the scheduler. Results are seen through the cache, without any query. */
  readonly pollMs: number;
}

/** Reads the options of a graph, whose durations are milliseconds and whose sizes are bytes. */
export function slurmOptions(executor: Readonly<Record<string, Json>>): SlurmOptions {
  const named = Object.fromEntries(
    (['partition', 'account', 'qos', 'constraint', 'gres'] as const).flatMap((name) => {
      const value = executor[name];
      return typeof value === 'string' ? [[name, value]] : [];
    }),
  );
  const { time, memory, parallel, poll, cpus = 1, unitsPerTask = 1, flags } = executor;
  return {
    ...named,
    ...(typeof time === 'number' && { timeMs: time }),
    ...(typeof memory === 'number' && { memoryBytes: memory }),
    ...(typeof parallel === 'number' && { parallel }),
    cpus: Number(cpus),
    unitsPerTask: Number(unitsPerTask),
    flags: Array.isArray(flags) ? flags.map(String) : [],
    pollMs: typeof poll === 'number' ? poll : 30_000,
  };
}
