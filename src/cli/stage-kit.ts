/** What a plugin needs to declare a stage: `import { defineStage, port, StageError, Type } from 'ravelin'`. */
export { Type } from '@sinclair/typebox';
export { defineStage, port, StageError } from '../runtime/stage.ts';
export type { Collected, Stage, StageContext, Survey, SurveyContext } from '../runtime/stage.ts';
export type { Figure } from '../values/figure.ts';
export type { Images, Perturbation } from '../values/images.ts';
export type { Metrics, MetricsRow } from '../values/metrics.ts';
export type { Model, Network, NetworkNode } from '../values/model.ts';
export type { Predictions } from '../values/predictions.ts';
export type { Transform, TransformStep } from '../values/transform.ts';
