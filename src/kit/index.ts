/**
 * The interface for plugins: `import { attackStage, gradientSteps, … } from 'ravelin'`. Importing it loads no
 * tensor library, so that a pipeline with plugins is planned as fast as one without. Functions that need a
 * device load the library when they are called.
 */

// Stages
export { type Static, Type } from '@sinclair/typebox';
export { defineStage, port, StageError } from '../runtime/stage.ts';
export { attackStage } from '../stages/attack/shared/attack-stage.ts';
export { datasetStage } from '../stages/dataset/shared/dataset-stage.ts';
export { defenseStage } from '../stages/defense/shared/defense-stage.ts';
export { metricStage } from '../stages/evaluate/shared/metric-stage.ts';
export { reportStage } from '../stages/report/shared/report-stage.ts';
export type {
  Checkpoint,
  Collected,
  InputPorts,
  InputsOf,
  KnownInputs,
  Caveat,
  Facts,
  ReadFile,
  ParameterProblem,
  Printed,
  Stage,
  StageContext,
  StageRegistry,
  Survey,
  SurveyContext,
} from '../runtime/stage.ts';
export type { AttackDeclaration, StrengthDeclaration } from '../stages/attack/shared/attack-stage.ts';
export type {
  Available,
  DatasetStageDeclaration,
  LabelledImages,
  ReadContext,
} from '../stages/dataset/shared/dataset-stage.ts';
export type { DefenseStageDeclaration } from '../stages/defense/shared/defense-stage.ts';
export type { ScoreInputs } from '../stages/evaluate/shared/check-scored.ts';
export type { MetricStageDeclaration, Scores } from '../stages/evaluate/shared/metric-stage.ts';
export type { NameRule } from '../stages/report/shared/names.ts';
export type { Report, ReportStageDeclaration } from '../stages/report/shared/report-stage.ts';

// Models and recipes
export { openClassifier, type OpenClassifier } from '../stages/shared/open-classifier.ts';
export { openRecipe } from '../stages/shared/open-recipe.ts';
export type { OpenTransform, TransformedView } from '../defenses/open-transform.ts';

// Attacks
export type {
  Attack,
  DirectionAttack,
  IteratedAttack,
  Iteration,
  Perturb,
  SearchOptions,
  Strength,
  TargetDissimilarity,
} from '../attacks/attack.ts';
export { attackImages, type AttackResult, sweepStrengths } from '../attacks/attack-images.ts';
export { fgsm, type FgsmOptions } from '../attacks/fgsm.ts';
export { iterativeFgsm, type IterativeFgsmOptions } from '../attacks/i-fgsm.ts';
export { pgd, type PgdOptions } from '../attacks/pgd.ts';
export {
  chooseGoal,
  type Goal,
  goalGradient,
  type GoalOptions,
  gradientSigns,
  reachesGoal,
} from '../attacks/goal.ts';
export {
  goalOptions,
  goalParameters,
  randomStartParameter,
  targetedParameter,
} from '../stages/attack/shared/goal.ts';
export { type GradientSteps, gradientSteps, type LookAheadRule } from '../attacks/gradient-steps.ts';
export { nesterov } from '../attacks/nesterov.ts';
export { adam, momentum, sign, type Stepper, type StepRule, unitL2 } from '../attacks/step-rules.ts';
export { clip, type Norm, project } from '../attacks/projections.ts';
export { stepAlong } from '../attacks/step-along.ts';
export {
  type AttackHooks,
  allRows,
  batchesOf,
  type ImageBatch,
  imageSize,
  sliceRows,
  takeRows,
} from '../attacks/images.ts';
export {
  type AttackProblem,
  classifyOriginals,
  type ImageState,
  type Originals,
} from '../attacks/originals.ts';
export type {
  AttackLoss,
  ClassGradients,
  Gradients,
  LabelLoss,
  Queries,
  TargetedDlr,
} from '../attacks/queries.ts';
export { leastLikely, marginOf } from '../attacks/logits.ts';
export type { PointRecorder, TracedGoal, TraceRecorder, VisitOptions } from '../attacks/trace-recorder.ts';
export { measurePerturbation, pixelSpace } from '../attacks/dissimilarity.ts';

// Defenses
export type {
  Defense,
  DefenseProblem,
  Draw,
  Pixels,
  PixelShape,
  SolverProgress,
} from '../defenses/defense.ts';

// Numbers
export { randomStream, type RandomStream, type Seed } from '../tensors/random.ts';
export { argmaxRows, averageViews, softmaxRows } from '../metrics/classification.ts';
export { robustnessScores } from '../metrics/robustness.ts';
export { wilsonInterval } from '../metrics/wilson.ts';

// Reports
export { axisLabels, axisNames, scoreRows, valueNames } from '../report/rows.ts';
export { svgToPng } from '../report/raster.ts';

// Values
export { BatchSizes } from '../values/batch-size.ts';
export type { Json, JsonObject } from '../values/json.ts';
export type { Figure } from '../values/figure.ts';
export type { Images, MemberOutcomes, Perturbation } from '../values/images.ts';
export type { ImageLabels, ImageRows } from '../values/image-rows.ts';
export type { Preparation } from '../values/preparation.ts';
export type { Metrics, MetricsRow } from '../values/metrics.ts';
export type { Model, Network, NetworkNode, Preprocessing, WeightTensor } from '../values/model.ts';
export type { Patches } from '../values/patches.ts';
export type { Predictions } from '../values/predictions.ts';
export { toFloats } from '../values/slices.ts';
export type { Trace } from '../values/trace.ts';
export type { Transform, TransformStep } from '../values/transform.ts';
export type { Value } from '../values/value.ts';
