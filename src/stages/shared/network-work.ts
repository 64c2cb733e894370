import type {
  ImagesOutline,
  ModelOutline,
  TransformOutline,
  ValueOutline,
  Work,
} from '../../values/outline.ts';
import { addWork, valuesOf } from '../../values/outline.ts';

/**
 * The cost of a value of an activation in multiply-adds: layers that only read and write, such as normalisations and
 * activation functions, take time without multiplying.
 */
const multiplyAddsOfActivation = 8;

/** The work of one pass of one image through a network, in multiply-adds. */
export function passWork({ multiplyAdds, activations }: ModelOutline): number {
  return multiplyAdds + multiplyAddsOfActivation * activations;
}

/**
 * The kinds of passes: `forward`; `gradient`, forward and back to the pixels; `training`, forward and back to the weights
 * and their update. Each is counted in multiply-adds of the forward pass of an image.
 */
export type Pass = 'forward' | 'gradient' | 'training';

/** Passes of one image through models, behind the draws of a defense if there is one. */
export function networkPasses(
  pass: Pass,
  models: readonly ModelOutline[],
  passes: number,
  behind?: {
    readonly images: ImagesOutline;
    readonly transform: TransformOutline | undefined;
    readonly draws: number;
  },
): Work {
  const draws = behind?.transform === undefined ? 1 : behind.draws;
  const through = models.map((model) => passWork(model)).reduce((sum, work) => sum + work, 0);
  return addWork(
    [passes * draws, { [pass]: through }],
    behind?.transform === undefined
      ? [0, {}]
      : [passes * draws * valuesOf(behind.images), behind.transform.work],
  );
}

/** The first value of an input; undefined if it is not connected, or of another kind. */
export function outlineOf<K extends ValueOutline['kind']>(
  kind: K,
  values: readonly ValueOutline[] | undefined,
): Extract<ValueOutline, { kind: K }> | undefined {
  const value = values?.[0];
  return value?.kind === kind ? (value as Extract<ValueOutline, { kind: K }>) : undefined;
}

export function modelsOf(
  ...inputs: readonly (readonly ValueOutline[] | undefined)[]
): readonly ModelOutline[] {
  return inputs.flatMap((values) => values ?? []).filter((value) => value.kind === 'model');
}

/** Images in a batch, as a rule. */
const batch = 64;

/**
 * Bytes of the weights and of what a batch leaves in memory: all activations if a gradient needs them, and otherwise those of a
 * node, its input and what is added to it.
 */
export function networkBytes(pass: Pass, models: readonly ModelOutline[], images = batch): number {
  const bytes = models.map(({ parameters, activations, largestActivation }) => {
    const kept = pass === 'forward' ? 3 * largestActivation : activations;
    return 4 * (parameters + images * kept);
  });
  return Math.max(0, ...bytes);
}
