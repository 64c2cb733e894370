/**
 * The test of plugins without one of their own, run by `node --test`: the invariants of each of their stages.
 */
import { test } from 'node:test';
import {
  attackInvariants,
  datasetInvariants,
  defenseInvariants,
  type Invariant,
  metricInvariants,
} from '../../kit/testing/index.ts';
import type { Stage } from '../../runtime/stage.ts';
import { isDefenseStage } from '../../stages/shared/open-recipe.ts';
import { importPlugin } from './import-plugin.ts';

const root = process.env['RAVELIN_TEST_ROOT'] ?? '.';
for (const entry of JSON.parse(process.env['RAVELIN_TEST_PLUGINS'] ?? '[]') as readonly string[]) {
  for (const stage of await importPlugin(entry, root)) {
    const invariants = invariantsOf(stage);
    for (const { name, check } of invariants) void test(`${stage.uses} ${name}`, check);
    if (invariants.length === 0)
      void test(stage.uses, {
        skip: 'there are no general invariants for such a stage: write a test beside the plugin',
      });
  }
}

function invariantsOf(stage: Stage): readonly Invariant[] {
  if (isDefenseStage(stage)) return defenseInvariants(stage);
  const { in: inputs, out } = stage;
  if (inputs['model'] && inputs['images'] && out['images']) return attackInvariants(stage);
  if (inputs['predictions'] && out['metrics']) return metricInvariants(stage);
  // A dataset that reads files needs to know which ones, and only its own test does.
  if (Object.keys(inputs).length === 0 && out['images'] && stage.example) return datasetInvariants(stage);
  return [];
}
