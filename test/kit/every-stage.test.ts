import { describe, it } from 'vitest';
import {
  attackInvariants,
  datasetInvariants,
  defenseInvariants,
  type Invariant,
  metricInvariants,
  reportInvariants,
} from '../../src/kit/testing/index.ts';
import { stages } from '../../src/stages/index.ts';
import { isDefenseStage } from '../../src/stages/shared/open-recipe.ts';

/** The stages of a folder: a new one is tried without a line here. */
function registered(folder: string): (readonly [uses: string, invariants: readonly Invariant[]])[] {
  const of = {
    attack: attackInvariants,
    defense: defenseInvariants,
    evaluate: metricInvariants,
    dataset: datasetInvariants,
  }[folder]!;
  return (
    [...stages.values()]
      .filter(({ uses }) => uses.startsWith(`${folder}/`))
      // A patch database is not a defense, and the identity has no step; other datasets need files.
      .filter((stage) => folder !== 'defense' || isDefenseStage(stage))
      // These invariants are of metrics of one attack with one row.
      .filter(
        ({ uses }) =>
          !['certified', 'worst-case', 'optimality', 'preprocessing', 'robustness-curve', 'trace'].some(
            (name) => uses === `evaluate/${name}`,
          ),
      )
      .filter(({ uses }) => folder !== 'dataset' || uses === 'dataset/mnist')
      .map((stage) => [stage.uses, of(stage)])
  );
}

describe.each(['attack', 'defense', 'evaluate', 'dataset'].flatMap(registered))('%s', (_, invariants) => {
  it.each(invariants.map(({ name, check }) => [name, check] as const))('%s', async (_name, check) => check());
});

const scores = [0.1, 0.2].map((strength) => ({
  axes: { strength },
  value: { kind: 'metrics', rows: [{ axes: {}, values: { accuracy: 1 - strength } }], warnings: [] },
}));

describe.each([
  ['report/table', { scores }],
  ['report/curves', { scores }],
])('%s', (uses, inputs) => {
  const invariants = reportInvariants(stages.get(uses)!, inputs);
  it.each(invariants.map(({ name, check }) => [name, check] as const))('%s', async (_name, check) => check());
});
