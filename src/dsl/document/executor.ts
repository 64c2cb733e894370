import type { JsonObject } from '../../values/json.ts';
import { didYouMean } from '../../values/nearest.ts';
import type { Graph } from '../graph.ts';
import {
  builtInExecutors,
  executorOptions,
  executorSchema,
  isHarmlessFlag,
} from '../schema/executor-schema.ts';
import type { JsonSchema } from '../schema/json-schema-types.ts';
import { checkAgainst } from '../schema/validator.ts';
import { type Located, type LocatedMap, valueOf, withoutKeys } from '../text/located.ts';
import { interpolate, type Scope } from './interpolate.ts';
import { forbidAxes, type LoadContext } from './load-context.ts';

type Executor = Graph['executor'];

const local: Executor = { uses: 'local' };

/**
 * Judges `executor:` of a document after `$(…)` is put in: its options become part of a batch script that sbatch and
 * a shell read. Durations and sizes become milliseconds and bytes.
 */
export function executorOf(document: LocatedMap, scope: Scope, context: LoadContext): Executor {
  const given = valueOf(document, 'executor');
  if (given === undefined) return local;
  const value = knownOptions(interpolate(given, scope));
  const { sink } = context;
  if (forbidAxes(value, 'the executor', sink)) return local;
  // The frame has reported it.
  const uses = value.kind === 'map' ? valueOf(value, 'uses') : value;
  if (uses === undefined || !isText(uses)) return local;
  const subject = {
    owner: 'the executor',
    noun: 'option',
    unknownCode: 'unknown-key',
    missingCode: 'missing-key',
    missingAt: value.at,
  } as const;
  const judged = checkAgainst(executorSchema as JsonSchema, value, subject, sink) as
    string | (JsonObject & Executor) | undefined;
  if (judged === undefined) return local;
  const executor = typeof judged === 'string' ? { uses: judged } : judged;
  if (!builtInExecutors.some((name) => name === executor.uses)) {
    const { at } = (value.kind === 'map' ? valueOf(value, 'uses') : undefined) ?? value;
    const hint = didYouMean(executor.uses, builtInExecutors, 'executors');
    sink.error('unknown-executor', at, `there is no executor '${executor.uses}'${hint}`);
  }
  if (value.kind === 'map') checkFlags(valueOf(value, 'flags'), context);
  return executor;
}

function isText(value: Located): boolean {
  return value.kind === 'scalar' && typeof value.value === 'string';
}

/** Leaves out the options that the frame has reported as unknown. */
function knownOptions(value: Located): Located {
  if (value.kind !== 'map') return value;
  return withoutKeys(
    value,
    [...value.entries.keys()].filter((name) => !executorOptions.includes(name)),
  );
}

function checkFlags(flags: Located | undefined, { sink, allowedFlags }: LoadContext): void {
  for (const item of flags?.kind === 'sequence' ? flags.items : []) {
    if (item.kind !== 'scalar' || isHarmlessFlag(item.text) || allowedFlags.includes(item.text)) continue;
    sink.error('flag-not-allowed', item.at, `a pipeline may not give '${item.text}' to sbatch`, {
      fix: `if you trust it, add "${item.text}" to "ravelin": { "slurmFlags": [] } in the project's package.json, and run: ravelin trust`,
    });
  }
}
