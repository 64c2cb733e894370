import { Type } from '@sinclair/typebox';
import type { TvmParameters } from '../../defenses/tvm/tvm.ts';
import { defenseStage } from './shared/defense-stage.ts';

/** Total variation minimisation (Guo et al. 2018, section 4.1). */
export const tvmStage = defenseStage({
  uses: 'defense/tvm',
  version: 3,
  summary: 'Pixel dropout, then the image of least total variation that fits the pixels kept',
  with: {
    keep: Type.Number({
      unit: 'probability',
      minimum: 0,
      maximum: 1,
      default: 0.5,
      description: 'probability of a pixel to be kept; 0.5 in the paper, 1 for no dropout',
    }),
    lambda: Type.Number({
      unit: 'weight',
      minimum: 0,
      maximum: 10,
      default: 0.03,
      description: 'weight of the total variation, λ; 0.03 in the paper',
    }),
    mask: Type.Union([Type.Literal('pixel-channel'), Type.Literal('pixel')], {
      default: 'pixel-channel',
      description:
        'pixel-channel: each channel of a pixel is kept or dropped by itself, as in the paper; pixel: all together',
    }),
    tv: Type.Union([Type.Literal('isotropic'), Type.Literal('anisotropic'), Type.Literal('groups')], {
      default: 'isotropic',
      description:
        'norm of the gradient at a pixel: Euclidean, or the sum of absolute values; groups: Euclidean norms of the differences of whole rows and columns, as equation 7 of the paper prints them',
    }),
    draws: Type.Integer({
      unit: 'views',
      minimum: 1,
      maximum: 1000,
      default: 1,
      description: 'independent dropouts of each image, its views; predictions are averaged over them',
    }),
    solver: Type.Union([Type.Literal('exact'), Type.Literal('skimage'), Type.Literal('fb')], {
      default: 'exact',
      description:
        "exact: to the tolerance; skimage: as scikit-image's denoise_tv_bregman; fb: as the authors' code, dark at the borders",
    }),
    tolerance: Type.Number({
      unit: 'relative distance',
      minimum: 1e-9,
      maximum: 0.1,
      default: 1e-3,
      description:
        'relative distance to the minimum at which exact stops, an estimate if pixels are dropped; below 1e-5 it computes in float64, many times slower',
    }),
  },
  example: { draws: 2 },
  gives: 'float32 images, `draws` views of each',
  // On a GPU, the tensor backend computes it.
  device: true,
  check: ({ solver, keep, lambda, tv }) => [
    ...(solver !== 'exact' && tv === 'groups'
      ? [
          {
            path: ['tv'],
            message: `solver '${solver}' does not support tv: groups`,
            fix: 'set solver: exact with tv: groups',
          },
        ]
      : []),
    ...(solver === 'skimage' && keep < 1
      ? [
          {
            path: ['keep'],
            message: "solver 'skimage' does not support dropped pixels (keep must be 1)",
            fix: 'set keep: 1 with solver: skimage',
          },
        ]
      : []),
    ...(solver !== 'exact' && lambda === 0
      ? [{ path: ['lambda'], message: `solver '${solver}' divides by lambda`, fix: 'set a lambda above 0' }]
      : []),
  ],
  recipe: async ({ params, backend }): Promise<TvmParameters> => {
    // Its only form is JavaScript.
    if (params.tv === 'groups') return params;
    const { openBackend, probeBackend } = await import('../../tensors/backend.ts');
    const { tvmFormFor } = await import('../../kernels/tvm/forms.ts');
    const form = tvmFormFor(probeBackend(backend));
    if (form === 'wasm') return params;
    await openBackend(backend);
    return { ...params, form };
  },
  views: ({ draws }) => draws,
  load: async () => (await import('../../defenses/tvm/tvm.ts')).tvm,
});
