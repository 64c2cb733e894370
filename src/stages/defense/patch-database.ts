import { Type } from '@sinclair/typebox';
import { defineStage, port, rowsPort, StageError } from '../../runtime/stage.ts';
import { outlineOf } from '../shared/network-work.ts';

/** The patches that image quilting draws from (Guo et al. 2018, section 4.3). */
export const patchDatabaseStage = defineStage({
  uses: 'defense/patch-database',
  version: 1,
  summary: 'Random patches of clean images, for image quilting',
  with: Type.Object(
    {
      patches: Type.Integer({
        unit: 'patches',
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
  in: { images: rowsPort({ description: 'clean images of 1 or 3 channels, best training images' }) },
  out: { patches: port('patches', { description: 'uint8 patches with their principal axes' }) },
  randomness: true,
  outline: ({ params: { patches: count, size }, inputs }) => {
    const images = outlineOf('images', inputs['images']);
    if (images === undefined) return null;
    const length = size * size * images.channels;
    const bytes = count * length + 4 * (length * length + length);
    return {
      perImage: {},
      perUnit: { 'sample patch': count },
      out: { patches: { kind: 'patches', count, length, bytes } },
      memoryBytes: 0,
    };
  },
  async run({ params, inputs: { images }, seed }) {
    const { placesOf, sampleRows } = await import('../../defenses/quilting/patch-database.ts');
    const { patches: count, size } = params;
    const [, height, width, channels] = images.shape;
    if (channels !== 1 && channels !== 3) {
      throw new StageError(`patches have 1 or 3 channels, and these images have ${channels}`, {
        code: 'bad-data',
        fix: 'use images of 1 or 3 channels',
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
    const read = async (rows: Int32Array): Promise<Float32Array | Uint8Array> => {
      const pixels = await images.read(rows);
      if (pixels instanceof Uint8Array || !pixels.some(Number.isNaN)) return pixels;
      throw new StageError('images of the patch database have pixels that are not numbers (NaN)', {
        code: 'bad-data',
        fix: 'find the stage that returns NaN among those that the images come from',
      });
    };
    return { patches: await sampleRows({ shape: images.shape, read }, { count, size }, seed) };
  },
});
