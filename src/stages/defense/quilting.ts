import { Type } from '@sinclair/typebox';
import { defineStage, port, StageError } from '../../runtime/stage.ts';
import type { Patches } from '../../values/patches.ts';
import { defend } from './defend.ts';

const version = 2;

/** Image quilting (Efros and Freeman 2001; Guo et al. 2018, section 4.3). */
export const quilting = defineStage({
  uses: 'defense/quilting',
  version,
  summary: 'Image quilting: the image is put together anew from the nearest patches of clean images',
  with: Type.Object(
    {
      neighbors: Type.Integer({
        minimum: 1,
        maximum: 1000,
        default: 1,
        description: 'K: each tile becomes one of so many nearest patches, at random; 1 or 10 in the paper',
      }),
      size: Type.Optional(
        Type.Integer({
          minimum: 3,
          maximum: 16,
          unit: 'px',
          description: 'side of a patch, which has to be that of the database; 5 in the paper',
        }),
      ),
      overlap: Type.Integer({
        minimum: 0,
        maximum: 15,
        default: 2,
        unit: 'px',
        description: 'pixels that neighbouring tiles share',
      }),
      draws: Type.Integer({
        minimum: 1,
        maximum: 1000,
        default: 1,
        description: 'views of each image, each with picks of its own; needs neighbors above 1',
      }),
      seam: Type.Union([Type.Literal('graph-cut'), Type.Literal('none')], {
        default: 'graph-cut',
        description: 'how tiles are joined: along a minimum cut, or each overwriting what was there',
      }),
      compat: Type.Union([Type.Literal('paper'), Type.Literal('fb')], {
        default: 'paper',
        description:
          "fb: as the authors' code, where tiles overwrite and the last rows and columns stay black",
      }),
      search: Type.Union([Type.Literal('auto'), Type.Literal('tree'), Type.Literal('matrix')], {
        default: 'auto',
        description:
          'auto: on the GPU where the backend computes on one, otherwise tree; tree: on one CPU thread; matrix: matrix products on the tensor backend; all find the same patches',
      }),
    },
    { additionalProperties: false },
  ),
  in: {
    patches: port('patches', { description: 'the patches to build from' }),
    images: port('images', { optional: true, description: 'images to transform' }),
  },
  out: {
    images: port('images', { optional: true, description: 'uint8 images, `draws` views of each' }),
    transform: port('transform', { description: 'the recipe, with the patches' }),
  },
  shard: 'images',
  randomness: ({ neighbors }) => neighbors > 1,
  check: ({ neighbors, size, overlap, draws }) => [
    ...(draws > 1 && neighbors === 1
      ? [
          {
            path: ['draws'],
            message: `'draws' is ${draws}, but with neighbors: 1 all views are the same`,
            fix: 'set neighbors: 10, or leave draws out',
          },
        ]
      : []),
    ...(size !== undefined && overlap >= size
      ? [
          {
            path: ['overlap'],
            message: `'overlap' of ${overlap} leaves nothing of patches of ${size}`,
            fix: `set overlap: ${size - 1} at most`,
          },
        ]
      : []),
  ],
  async run(context) {
    const { neighbors, overlap, draws, seam, compat, search } = context.params;
    const params = { neighbors, overlap, draws, seam, compat, search };
    const { patches } = context.inputs;
    checkDatabase(patches, context.params);
    const { openBackend, probeBackend } = await import('../../tensors/backend.ts');
    const onGpu = search === 'auto' && probeBackend(context.backend).device?.kind === 'gpu';
    if (search === 'matrix' || onGpu) await openBackend(context.backend);
    return defend(context, { name: 'quilting', version, params, patches });
  },
});

function checkDatabase(
  { shape: [count, side] }: Patches,
  {
    size,
    neighbors,
    overlap,
  }: { readonly size?: number; readonly neighbors: number; readonly overlap: number },
): void {
  const fail = (message: string, fix: string): never => {
    throw new StageError(message, { code: 'bad-data', fix });
  };
  if (count === 0) fail('the patch database is empty', 'make it with `defense/patch-database`');
  if (size !== undefined && side !== size)
    fail(
      `the database holds patches of ${side}×${side}, not ${size}×${size}`,
      `set size: ${side}, or make another database`,
    );
  if (overlap >= side)
    fail(
      `an overlap of ${overlap} leaves nothing of patches of ${side}×${side}`,
      `set overlap: ${side - 1} at most`,
    );
  if (neighbors > count)
    fail(
      `${neighbors} neighbours were asked for, and the database has ${count} patches`,
      `set neighbors: ${count} at most, or make a larger database`,
    );
}
