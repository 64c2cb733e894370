/**
 * The test of plugins without one of their own, run by `node --test`: the invariants of each of their stages.
 */
import { test } from 'node:test';
import { resolve } from 'node:path';
import {
  attackInvariants,
  datasetInvariants,
  defenseInvariants,
  type Invariant,
  metricInvariants,
  reportInvariants,
  runStage,
  sampleInputs,
} from '../../kit/testing/index.ts';
import { fillParameters } from '../../kit/testing/run-stage.ts';
import { type Stage, StageError } from '../../runtime/stage.ts';
import { isDefenseStage } from '../../stages/shared/open-recipe.ts';
import { exampleProblem } from './check-examples.ts';
import { importPlugin } from './import-plugin.ts';

const root = process.env['RAVELIN_TEST_ROOT'] ?? '.';
for (const entry of JSON.parse(process.env['RAVELIN_TEST_PLUGINS'] ?? '[]') as readonly string[]) {
  for (const stage of await importPlugin(entry, root)) {
    const invariants = await invariantsOf(stage);
    if (typeof invariants === 'string')
      void test(stage.uses, { skip: `${invariants}: write a test beside the plugin` });
    else for (const { name, check } of invariants) void test(`${stage.uses} ${name}`, check);
  }
}

/** The invariants of the stage's kind, or why they cannot be tried without a test of the plugin's own. */
async function invariantsOf(stage: Stage): Promise<readonly Invariant[] | string> {
  const problem = stage.example === undefined ? exampleProblem(stage) : null;
  if (problem !== null) return `it declares no example, without which ${problem}`;
  if (isDefenseStage(stage)) return defenseInvariants(stage);
  const { in: inputs, out } = stage;
  if (inputs['model'] && inputs['images'] && out['images']) return attackInvariants(stage);
  if (inputs['predictions'] && out['metrics']) return metricInvariants(stage);
  if (Object.keys(inputs).length === 0 && out['images']) return datasetOf(stage);
  if (Object.values(out).every(({ kind }) => kind === 'figure')) return reportOf(stage);
  return 'there are no general invariants for such a stage';
}

/** A dataset is tried if the files of its example are there; relative paths start from the project. */
async function datasetOf(stage: Stage): Promise<readonly Invariant[] | string> {
  try {
    const resolvePath = (path: string): string => resolve(root, path);
    const params = fillParameters(stage, stage.example ?? {});
    const images =
      (
        await stage.survey?.({
          params,
          resolve: resolvePath,
          resolveCode: (path) => ({ path: resolvePath(path), root }),
        })
      )?.images ?? 0;
    if (images < 7) return `its example has ${images} images, and the invariants take 7`;
  } catch (error) {
    if (isMissing(error) || error instanceof StageError)
      return `the images of its example cannot be read (${error.message})`;
    // Whatever else it throws, the invariants fail with it and show it.
  }
  return datasetInvariants(stage, stage.example ?? {}, { folder: root });
}

/** A report is tried on sample values, unless it says that it cannot draw them, such as scores of other names. */
async function reportOf(stage: Stage): Promise<readonly Invariant[] | string> {
  try {
    const inputs = await sampleInputs(stage);
    await runStage(stage, stage.example ?? {}, { inputs });
    return reportInvariants(stage, inputs);
  } catch (error) {
    if (error instanceof StageError) return `it cannot draw sample values (${error.message})`;
    if (error instanceof TypeError && error.message.startsWith('there is no sample value'))
      return error.message;
    return reportInvariants(stage);
  }
}

function isMissing(error: unknown): error is NodeJS.ErrnoException {
  return error instanceof Error && (error as NodeJS.ErrnoException).code === 'ENOENT';
}
