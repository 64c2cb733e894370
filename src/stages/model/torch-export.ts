import { Type } from '@sinclair/typebox';
import { defineStage, port } from '../../runtime/stage.ts';
import { namedFiles } from './shared/class-order-parameter.ts';
import { fileOutline } from './shared/file-outline.ts';
import { importedParameters } from './shared/imported-parameters.ts';

/** A program of torch.export as a network of ravelin. */
export const torchExportStage = defineStage({
  uses: 'model/torch-export',
  version: 2,
  summary:
    'A classifier from a .pt2 file of torch.export.save, as a network that every backend runs and that can be trained',
  with: Type.Object(
    {
      path: Type.String({
        format: 'path',
        description:
          'the .pt2 file. A softmax at its end is left out, so that there are logits, and a normalisation at its beginning becomes the preprocessing of the model',
      }),
      ...importedParameters('program'),
    },
    { additionalProperties: false },
  ),
  in: {},
  out: { model: port('model', { description: 'the network with its weights and preprocessing' }) },
  survey: ({ params, resolve }) => {
    const files = namedFiles(params, resolve);
    const outline = () =>
      fileOutline(files, async () => {
        const { buildTorchExportModel } = await import('./shared/build-torch-export.ts');
        const { path, classes: _names, ...rest } = params;
        return buildTorchExportModel(resolve(path), rest);
      });
    return Promise.resolve({ files: () => files, outline });
  },
  run: async ({ params, resolve, warn }) => {
    const { buildTorchExportModel } = await import('./shared/build-torch-export.ts');
    const { path, classes, ...rest } = params;
    return {
      model: await buildTorchExportModel(resolve(path), {
        ...rest,
        warn,
        ...(classes !== undefined && { classesFile: resolve(classes) }),
      }),
    };
  },
});
