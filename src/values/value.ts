import type { Figure } from './figure.ts';
import type { Images } from './images.ts';
import type { Metrics } from './metrics.ts';
import type { Model } from './model.ts';
import type { Patches } from './patches.ts';
import type { Predictions } from './predictions.ts';
import type { Preparation } from './preparation.ts';
import type { Transform } from './transform.ts';

/** Everything that can travel along an edge. A new port kind starts here. */
export type Value = Images | Model | Patches | Transform | Predictions | Preparation | Metrics | Figure;
export type PortKind = Value['kind'];
export type ValueOf<K extends PortKind> = Extract<Value, { readonly kind: K }>;

/**
 * Kinds whose value is a list over images, which is cut into shards. Values of the other kinds stay whole.
 */
export const perImageKinds: ReadonlySet<PortKind> = new Set<PortKind>([
  'images',
  'predictions',
  'preparation',
]);

/** Values that are lists over images. */
export type PerImage = Images | Predictions | Preparation;

export function isPerImageValue(value: Value): value is PerImage {
  return perImageKinds.has(value.kind);
}
