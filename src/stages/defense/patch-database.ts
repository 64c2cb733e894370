import { Type } from '@sinclair/typebox';
import { defineStage, port, StageError } from '../../runtime/stage.ts';

/** The patches that image quilting draws from (Guo et al. 2018, section 4.3). */
export const patchDatabaseStage = defineStage({
  uses: 'defense/patch-database',
  version: 1,
  summary: 'Random patches of clean images, for image quilting',
  with: Type.Object(
    {
      patches: Type.Integer({
        minimum: 1,
        maximum: 10_000_000,
        default: 1_000_000,
        description: 'patches to take, each from a place of its own; 1,000,000 in the paper',
      }),
      size: Type.Integer({
        minimum: 3,
        maximum: 16,
        default: 5,
        unit: 'px',
        description: 'side of a patch; 5 in the paper',
      }),
    },
    { additionalProperties: false },
  ),
  in: { images: port('images', { description: 'clean images of 1 or 3 channels, best training images' }) },
  out: { patches: port('patches', { description: 'uint8 patches with their principal axes' }) },
  randomness: true,
  async run({ params, inputs: { images }, seed }) {
    const { placesOf, samplePatches } = await import('../../defenses/quilting/patch-database.ts');
    const { patches: count, size } = params;
    const [, height, width, channels] = images.shape;
    if (channels !== 1 && channels !== 3) {
      throw new StageError(`patches have 1 or 3 channels, and these images have ${channels}`, {
        code: 'bad-data',
        fix: 'use images of 1 or 3 channels',
      });
    }
    if (images.pixels instanceof Float32Array && images.pixels.some(Number.isNaN)) {
      throw new StageError('images of the patch database have pixels that are not numbers (NaN)', {
        code: 'bad-data',
        fix: 'look for a NaN where the images come from',
      });
    }
    const places = placesOf(images.shape, size);
    if (places < count) {
      throw new StageError(
        places === 0
          ? `patches of ${size}×${size} do not fit into ${height}×${width} images`
          : `asked for ${count} patches of ${size}×${size}, but the images have only ${places} places for one`,
        {
          code: 'bad-data',
          fix:
            places === 0
              ? 'use larger images or smaller patches'
              : `use more images, or set patches: ${places} at most`,
        },
      );
    }
    if (places > 2 ** 32) {
      throw new StageError(`the images have ${places} places for a patch, but at most 2^32 are supported`, {
        code: 'bad-data',
        fix: `use fewer images (\`limit\`): 1,000 photographs are plenty for a million patches`,
      });
    }
    return { patches: samplePatches(images, { count, size }, seed) };
  },
});
