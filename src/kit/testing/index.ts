/**
 * Tests for the stages of plugins: `import { attackInvariants } from 'ravelin/testing'`. Each function
 * returns the invariants of one kind of stage, ready for any test runner; `runStage` runs one stage on values
 * that a test makes.
 */
export { attackInvariants } from './attack.ts';
export { defenseInvariants, type DefenseInvariantOptions } from './defense.ts';
export { labelledBy, testImages, testModel, testPatches, testPredictions } from './fixtures.ts';
export type { JsonObject } from '../../values/json.ts';
export type { Invariant } from './invariant.ts';
export { datasetInvariants, metricInvariants, reportInvariants } from './others.ts';
export { sampleInputs } from './sample-inputs.ts';
export { runStage, type StageRun, type StageRunOptions } from './run-stage.ts';
