import { StageError } from '../../runtime/stage.ts';
import type { Images } from '../../values/images.ts';
import type { Transform, TransformStep } from '../../values/transform.ts';

/** Outputs of a deterministic defense of one step: the transformed images and the recipe. */
export async function defend(
  images: Images,
  step: TransformStep,
  signal: AbortSignal,
): Promise<{ images: Images; transform: Transform }> {
  const channels = images.shape[3];
  if (step.name === 'jpeg' && channels !== 1 && channels !== 3) {
    throw new StageError(`JPEG holds 1 or 3 channels, and these images have ${channels}`, {
      code: 'bad-data',
      fix: 'use images of 1 or 3 channels',
    });
  }
  const transform: Transform = { kind: 'transform', steps: [step] };
  const { transformOnce } = await import('../../defenses/apply.ts');
  const draw = { seed: [0, 0] as const, draw: 0, ids: images.ids, signal };
  return {
    images: { ...images, pixels: await transformOnce(transform, images.pixels, images.shape, draw) },
    transform,
  };
}
