import { Type } from '@sinclair/typebox';
import type { QuiltingRecipe } from '../../defenses/quilting/quilt.ts';
import { StageError } from '../../runtime/stage.ts';
import type { Patches } from '../../values/patches.ts';
import { defenseStage } from './shared/defense-stage.ts';

/** Image quilting (Efros and Freeman 2001; Guo et al. 2018, section 4.3). */
export const quiltingStage = defenseStage({
  uses: 'defense/quilting',
  version: 2,
  summary: 'Image quilting: the image is put together from the nearest patches of clean images',
  with: {
    neighbors: Type.Integer({
      unit: 'patches',
      minimum: 1,
      maximum: 1000,
      default: 1,
      description: 'K: each tile becomes one of its K nearest patches, at random; 1 or 10 in the paper',
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
      unit: 'views',
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
      description: "fb: as the authors' code, where tiles overwrite and the last rows and columns stay black",
    }),
    search: Type.Union([Type.Literal('auto'), Type.Literal('tree'), Type.Literal('matrix')], {
      default: 'auto',
      description:
        'auto: on the GPU if the backend computes on one, otherwise tree; tree: on one CPU thread; matrix: matrix products on the tensor backend; all find the same patches',
    }),
  },
  example: { neighbors: 3, draws: 2 },
  patches: { description: 'the patches to build from' },
  gives: 'uint8 images, `draws` views of each',
  givesBytes: true,
  // From 100,000 patches to a million it takes twice the time, and for ten neighbours instead of one half as much again.
  // A patch of colours and a grey one are found in the same time, so that a value of colours takes a third.
  effort: ({ neighbors }, patches, length) =>
    ((Math.max(1, patches) / 100_000) ** 0.25 * neighbors ** 0.18 * 75) / Math.max(1, length),
  // The search finds the same patches on any device.
  usesDevice: ({ search }) => search !== 'tree',
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
            message: `'overlap' must be smaller than the side of the patches (${size}), got ${overlap}`,
            fix: `set overlap: ${size - 1} at most`,
          },
        ]
      : []),
  ],
  recipe: async ({ params, inputs: { patches }, backend }): Promise<QuiltingRecipe> => {
    if (patches === undefined) throw new Error('quilting needs patches');
    checkDatabase(patches, params);
    const { size: _checked, ...recipe } = params;
    if (await searchesOnBackend(params, backend)) {
      const { openBackend } = await import('../../tensors/backend.ts');
      await openBackend(backend);
    }
    return { ...recipe, patches };
  },
  // The nearest patch alone leaves nothing to draw.
  views: ({ neighbors, draws }) => (neighbors > 1 ? draws : null),
  load: async () => (await import('../../defenses/quilting/quilt.ts')).quilting,
});

async function searchesOnBackend(
  { search, neighbors }: { readonly search: QuiltingRecipe['search']; readonly neighbors: number },
  backend: string,
): Promise<boolean> {
  if (search !== 'auto') return search === 'matrix';
  const { probeBackend, seesDevice } = await import('../../tensors/backend.ts');
  const { searchFormFor } = await import('../../kernels/patch-search/forms.ts');
  // Workers without a GPU, and jobs that have asked for none, have the tree.
  return searchFormFor(probeBackend(backend), neighbors) !== 'tree' && seesDevice(backend);
}

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
      `'overlap' must be smaller than the side of the patches (${side}), got ${overlap}`,
      `set overlap: ${side - 1} at most`,
    );
  if (neighbors > count)
    fail(
      `asked for ${neighbors} nearest patches, but the database has only ${count}`,
      `set neighbors: ${count} at most, or make a larger database`,
    );
}
