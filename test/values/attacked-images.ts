import type { Images, Perturbation } from '../../src/values/images.ts';

/** Three images of one value that an attack moved, with what it recorded besides. */
export function attackedImages(more: Partial<Perturbation> = {}): Images {
  const sizes = (): Float32Array => Float32Array.of(0.5, 0, 0.75);
  return {
    kind: 'images',
    pixels: Float32Array.of(0, 0.5, 1),
    shape: [3, 1, 1, 1],
    views: 1,
    labels: Int32Array.of(0, 1, 0),
    ids: Int32Array.of(4, 5, 6),
    classes: [],
    perturbation: {
      l2: sizes(),
      linf: sizes(),
      dissimilarity: sizes(),
      initial: Int32Array.of(0, 0, 0),
      ...more,
    },
  };
}
