import type { Stage } from '../../runtime/stage.ts';
import { PluginError } from './plugin-error.ts';

interface StageProblem {
  readonly message: string;
  readonly fix: string;
}

/**
 * Checks the `stages` that a plugin exports. Its code is foreign, and a stage that was not made by the kit
 * would fail far from here. Throws a `PluginError` that says what is wrong.
 */
export function checkStages(module: Readonly<Record<string, unknown>>, plugin: string): readonly Stage[] {
  const list =
    module['stages'] ?? (module['default'] as Readonly<Record<string, unknown>> | undefined)?.['stages'];
  if (!Array.isArray(list)) {
    throw new PluginError({
      message: `the plugin '${plugin}' does not export a list 'stages'`,
      fix: 'write: export const stages = [attackStage({ … })];',
    });
  }
  return list.map((stage: unknown, index) => {
    const problem = problemOf(stage);
    if (problem === null) return stage as Stage;
    const { message, fix } = problem;
    throw new PluginError({ message: `stages[${index}] of the plugin '${plugin}' ${message}`, fix });
  });
}

const made = 'make it with defineStage, attackStage, defenseStage, metricStage, reportStage or datasetStage';

function problemOf(stage: unknown): StageProblem | null {
  if (!isRecord(stage)) return { message: 'is not an object', fix: made };
  const { uses, version, summary, run, in: inputs, out, with: schema, shard } = stage;
  if (typeof uses !== 'string' || !/^[a-z][a-z0-9-]*\/[a-z0-9][a-z0-9_.-]*$/.test(uses)) {
    return {
      message: `has uses ${JSON.stringify(uses)}, which is not of the form folder/name in lower case`,
      fix: "write a name such as uses: 'attack/mine'",
    };
  }
  if (typeof run !== 'function' || typeof shard !== 'function')
    return { message: `(${uses}) was not made by the kit`, fix: made };
  if (!Number.isInteger(version) || Number(version) < 1) {
    return {
      message: `(${uses}) has version ${JSON.stringify(version)}, which is not a whole number from 1 on`,
      fix: 'write version: 1',
    };
  }
  if (typeof summary !== 'string')
    return { message: `(${uses}) has no summary`, fix: "say in a line what it does: summary: '…'" };
  if (!isRecord(inputs) || !isRecord(out)) return { message: `(${uses}) has no ports`, fix: made };
  if (!isRecord(schema) || !isRecord(schema['properties']))
    return { message: `(${uses}) has no schema of parameters`, fix: made };
  for (const [name, property] of Object.entries(schema['properties'])) {
    const { description } = isRecord(property) ? property : {};
    if (typeof description === 'string' && description !== '') continue;
    return {
      message: `(${uses}) has a parameter '${name}' without a description, which ravelin stages and editors show`,
      fix: `say what it means: ${name}: Type.…({ …, description: '…' })`,
    };
  }
  return null;
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null;
}
