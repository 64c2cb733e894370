import type { Stage } from '../../runtime/stage.ts';
import { UsageError } from '../exit-codes.ts';

/**
 * Checks the `stages` that a plugin exports. Its code is foreign, and a stage that was not made by the kit
 * would fail far from here. Throws a `UsageError` that says what is wrong.
 */
export function checkStages(module: Readonly<Record<string, unknown>>, plugin: string): readonly Stage[] {
  const list =
    module['stages'] ?? (module['default'] as Readonly<Record<string, unknown>> | undefined)?.['stages'];
  if (!Array.isArray(list)) {
    throw new UsageError(
      `the plugin '${plugin}' does not export a list 'stages'`,
      'write: export const stages = [attackStage({ … })];',
    );
  }
  return list.map((stage: unknown, index) => {
    const problem = problemOf(stage);
    if (problem === null) return stage as Stage;
    throw new UsageError(
      `stages[${index}] of the plugin '${plugin}' ${problem}`,
      'make it with defineStage, attackStage, defenseStage, metricStage, reportStage or datasetStage',
    );
  });
}

function problemOf(stage: unknown): string | null {
  if (typeof stage !== 'object' || stage === null) return 'is not an object';
  const {
    uses,
    version,
    summary,
    run,
    in: inputs,
    out,
    with: schema,
    shard,
  } = stage as Partial<Record<keyof Stage, unknown>>;
  if (typeof uses !== 'string' || !/^[a-z][a-z0-9-]*\/[a-z0-9][a-z0-9_.-]*$/.test(uses))
    return `has uses ${JSON.stringify(uses)}, which is not of the form folder/name in lower case`;
  if (!Number.isInteger(version) || Number(version) < 1)
    return `(${uses}) has version ${JSON.stringify(version)}, which is not a whole number from 1 on`;
  if (typeof summary !== 'string') return `(${uses}) has no summary`;
  if (typeof run !== 'function' || typeof shard !== 'function') return `(${uses}) was not made by the kit`;
  if (!isRecord(inputs) || !isRecord(out)) return `(${uses}) has no ports`;
  if (!isRecord(schema) || !isRecord(schema['properties'])) return `(${uses}) has no schema of parameters`;
  return null;
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null;
}
