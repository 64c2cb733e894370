import { StageError } from '../../runtime/stage.ts';
import type { Draw } from '../../defenses/apply.ts';
import type { Images } from '../../values/images.ts';
import type { Patches } from '../../values/patches.ts';
import type { Transform, TransformStep } from '../../values/transform.ts';

/** What `defend` needs of a stage's context. */
interface DefenseContext {
  readonly inputs: { readonly images?: Images };
  readonly seed: readonly [number, number];
  readonly signal: AbortSignal;
  readonly progress: (done: number, total: number, unit: string) => void;
}

/**
 * Outputs of a defense of one step: its recipe, and the transformed images with all their views where images are bound. Throws
 * `StageError` for images that the defense cannot take.
 */
export async function defend(
  { inputs: { images }, seed, signal, progress }: DefenseContext,
  step: TransformStep,
  report: Pick<Draw, 'onSolved'> = {},
): Promise<{ readonly images?: Images; readonly transform: Transform }> {
  const { isRandomised, seedFor, transformImages, viewsOf } = await import('../../defenses/apply.ts');
  const bare: Transform = { kind: 'transform', steps: [step] };
  const transform = isRandomised(bare) ? { ...bare, seed } : bare;
  if (images === undefined) return { transform };
  checkDefensible(images, transform);
  const rows = images.shape[0] * viewsOf(transform);
  let done = 0;
  const onRow = (): void => progress(++done, rows, 'views');
  const draws = { seed: seedFor(transform, 'evaluation'), signal, onRow, ...report };
  return { images: await transformImages(transform, images, draws), transform };
}

/** Throws `StageError` for images that a step of the transform cannot take. */
export function checkDefensible(images: Images, { steps }: Transform): void {
  const [, height, width, channels] = images.shape;
  for (const { name, params, patches } of steps) {
    if (patches) checkPatches(images, patches);
    if (name === 'jpeg' && channels !== 1 && channels !== 3) {
      throw new StageError(`JPEG holds 1 or 3 channels, and these images have ${channels}`, {
        code: 'bad-data',
        fix: 'use images of 1 or 3 channels',
      });
    }
    if (name === 'crop' && Number(params['size']) > Math.min(height, width)) {
      throw new StageError(
        `a crop of ${Number(params['size'])} pixels does not fit into ${height}×${width} images`,
        {
          code: 'bad-data',
          fix: `set size: ${Math.max(1, Math.round((Math.min(height, width) * 90) / 224))}, the share of the paper, or use larger images`,
        },
      );
    }
  }
  if (images.pixels instanceof Uint8Array) return;
  const wrong = images.pixels.findIndex(Number.isNaN);
  if (wrong < 0) return;
  const row = Math.floor(wrong / (height * width * channels));
  throw new StageError(
    `image ${images.ids[Math.floor(row / images.views)]!} has pixels that are not numbers (NaN)`,
    {
      code: 'bad-data',
      fix: 'look for a NaN where the images come from',
    },
  );
}

function checkPatches({ shape: [, height, width, channels] }: Images, { shape }: Patches): void {
  const [, size, , patchChannels] = shape;
  if (Math.min(height, width) < size) {
    throw new StageError(`${height}×${width} images are smaller than a patch of ${size}×${size}`, {
      code: 'bad-data',
      fix: 'use larger images, or a database of smaller patches',
    });
  }
  if (channels !== patchChannels) {
    throw new StageError(`the patches have ${patchChannels} channels, and these images have ${channels}`, {
      code: 'bad-data',
      fix: 'make the patch database from images of the same kind',
    });
  }
}
