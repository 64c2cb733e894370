import type { StageSettings } from '../graph.ts';
import type { JsonSchema } from '../schema/json-schema-types.ts';
import { defaultSettingsSchema, settingKeys } from '../schema/pipeline-schema.ts';
import { checkAgainst } from '../schema/validator.ts';
import { type LocatedMap, mergeMaps, withoutKeys } from '../text/located.ts';
import { forbidAxes, type LoadContext } from './load-context.ts';

/** Settings as the schema lets them through. */
interface SettingsText {
  readonly shard?: number;
  readonly onError?: StageSettings['onError'];
  readonly retry?: number | Partial<StageSettings['retry']>;
  readonly resources?: { readonly gpu?: number | string; readonly memory?: number; readonly time?: number };
  readonly store?: StageSettings['store'];
}

export const builtInSettings: StageSettings = {
  shard: 64,
  onError: 'stop',
  retry: { max: 2, on: ['out-of-memory', 'crash', 'preempted', 'io'] },
  resources: {},
  store: 'auto',
};

/** The part of a map that is settings. */
export function settingsPart(map: LocatedMap): LocatedMap {
  return withoutKeys(
    map,
    [...map.entries.keys()].filter((key) => !settingKeys.includes(key)),
  );
}

/** Merges settings, given from the most general to the most special, and judges the result. */
export function resolveSettings(layers: readonly LocatedMap[], context: LoadContext): StageSettings {
  const [first, ...rest] = layers.filter(({ entries }) => entries.size > 0);
  if (first === undefined) return builtInSettings;
  const merged = rest.reduce(mergeMaps, first);
  if (forbidAxes(merged, 'a setting of a stage', context.sink)) return builtInSettings;
  const subject = {
    owner: 'a stage',
    noun: 'key',
    unknownCode: 'unknown-key',
    missingCode: 'missing-key',
    missingAt: merged.at,
  } as const;
  const text = checkAgainst(defaultSettingsSchema as JsonSchema, merged, subject, context.sink) as
    SettingsText | undefined;
  if (text === undefined) return builtInSettings;
  const retry = typeof text.retry === 'number' ? { max: text.retry } : (text.retry ?? {});
  const { gpu, memory, time } = text.resources ?? {};
  return {
    shard: text.shard ?? builtInSettings.shard,
    onError: text.onError ?? builtInSettings.onError,
    retry: { max: retry.max ?? builtInSettings.retry.max, on: retry.on ?? builtInSettings.retry.on },
    resources: {
      ...(gpu !== undefined && { gpu }),
      ...(memory !== undefined && { memoryBytes: memory }),
      ...(time !== undefined && { timeMs: time }),
    },
    store: text.store ?? builtInSettings.store,
  };
}
