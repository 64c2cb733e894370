import { Type } from '@sinclair/typebox';
import type { ImageGrid } from '../../report/image-grid.ts';
import { port } from '../../runtime/stage.ts';
import { labelProblems, labelsParameter } from './shared/columns.ts';
import { reportStage } from './shared/report-stage.ts';

// Ports are declared apart, so that TypeScript distinguishes `list: true` from `list: boolean`.
const originals = port('images', { description: 'the images before the attack' });
const adversarial = port('images', {
  list: true,
  optional: true,
  description: 'attacked images, one or several versions',
});
const defended = port('images', {
  list: true,
  optional: true,
  description: 'transformed images, one or several versions',
});

const defendedOriginals = port('images', {
  list: true,
  optional: true,
  description:
    'the originals behind the same defenses: the grid is then figure 2 of the paper, with original, adversarial image and difference as rows and the defenses as columns',
});

const predictions = port('predictions', {
  list: true,
  optional: true,
  description:
    'what a network says of the images, which is written under those with the same labels; the first without an axis of the others is of the originals',
});

export const imagesStage = reportStage({
  uses: 'report/images',
  version: 5,
  summary:
    'A grid of originals, adversarial and defended images and of scaled differences, as figures 1 and 2 of Guo et al. 2018',
  with: {
    count: Type.Integer({
      unit: 'images',
      default: 8,
      minimum: 1,
      maximum: 100,
      description: 'images shown, from the first on',
    }),
    indices: Type.Optional(
      Type.Array(Type.Integer({ unit: 'image index', minimum: 0 }), {
        minItems: 1,
        maxItems: 100,
        description: 'positions of the images shown, from 0; replaces count',
      }),
    ),
    scale: Type.Number({
      unit: 'factor',
      default: 10,
      exclusiveMinimum: 0,
      description: 'factor of the differences, which are drawn around grey; named in the label',
    }),
    differences: Type.Union([Type.Literal('adversarial'), Type.Literal('all'), Type.Literal('none')], {
      default: 'adversarial',
      description: 'which versions get a difference from the original beside them',
    }),
    across: Type.Union([Type.Literal('images'), Type.Literal('versions')], {
      default: 'images',
      description:
        'what runs from left to right: the images, or the versions of one image; with defendedOriginals, always the defenses',
    }),
    rows: Type.Optional(
      Type.String({
        description:
          'axis of the adversarial images that runs down the grid; needs columns; attack in figure 1',
      }),
    ),
    columns: Type.Optional(
      Type.String({
        description:
          'axis that runs across the grid, one block for each image; replaces across; strength in figure 1',
      }),
    ),
    ...labelsParameter,
    title: Type.String({ default: '', description: 'written above the grid' }),
  },
  formats: ['png'],
  in: { originals, adversarial, defended, defendedOriginals, predictions },
  names: {
    rows: { names: 'axis', of: ['adversarial', 'defended'] },
    columns: { names: 'axis', of: ['adversarial', 'defended'] },
  },
  places: ['rows', 'columns'],
  check: ({ rows, columns, labels }) =>
    (rows === undefined) === (columns === undefined)
      ? labelProblems(labels)
      : [
          {
            path: [rows === undefined ? 'columns' : 'rows'],
            message: "'rows' and 'columns' go together",
            fix: `give ${rows === undefined ? 'rows: attack' : 'columns: strength'} too`,
          },
        ],
  output: 'grid',
  libraries: ['sharp'],
  async draw(inputs, params) {
    const { drawImageGrid } = await import('../../report/image-grid.ts');
    const { adversarial = [], defended = [], defendedOriginals: pairs } = inputs;
    const { rows, columns } = params;
    const versions = [...adversarial, ...defended, ...(pairs ?? [])];
    const { captionsFrom, noCaptions } = await import('./shared/image-captions.ts');
    const captions =
      inputs.predictions === undefined
        ? noCaptions
        : captionsFrom(
            inputs.predictions,
            new Set(versions.flatMap(({ axes }) => Object.keys(axes))),
            params.labels,
          );
    const choice = { ...params, captions };
    let grid: ImageGrid;
    if (rows !== undefined && columns !== undefined) {
      const { imagesByAxes } = await import('./shared/image-axes.ts');
      grid = imagesByAxes(inputs.originals, [...adversarial, ...defended], { rows, columns }, choice);
    } else if (pairs !== undefined) {
      const { imagePairs } = await import('./shared/image-pairs.ts');
      grid = imagePairs(inputs.originals, adversarial, defended, pairs, choice);
    } else {
      const { imageVersions } = await import('./shared/image-versions.ts');
      grid = imageVersions(inputs.originals, adversarial, defended, choice);
    }
    const png = new Uint8Array(await drawImageGrid(grid));
    return { title: params.title, files: { png } };
  },
});
