import { Type } from '@sinclair/typebox';
import { defineStage, port } from '../../runtime/stage.ts';
import { namedFiles } from './shared/class-order-parameter.ts';
import { fileOutline } from './shared/file-outline.ts';
import { importedParameters } from './shared/imported-parameters.ts';

const extent = { minimum: 1, maximum: 4096, unit: 'px' } as const;

/** An ONNX file as a network of ravelin. */
export const onnxStage = defineStage({
  uses: 'model/onnx',
  version: 1,
  summary:
    'A classifier from an ONNX file, as PyTorch, tf2onnx and Paddle export it, as a network that every backend runs',
  with: Type.Object(
    {
      path: Type.String({
        format: 'path',
        description:
          'the .onnx file; weights outside of it lie in its folder. A softmax at its end is left out, so that there are logits, and a normalisation at its beginning becomes the preprocessing of the model',
      }),
      size: Type.Optional(
        Type.Integer({
          ...extent,
          description: 'height of the images, and their width without width, if the model leaves it open',
        }),
      ),
      width: Type.Optional(
        Type.Integer({
          ...extent,
          description: 'width of images that are not square, if the model leaves it open',
        }),
      ),
      ...importedParameters('model'),
    },
    { additionalProperties: false },
  ),
  in: {},
  out: { model: port('model', { description: 'the network with its weights and preprocessing' }) },
  check: ({ size, width }) =>
    width !== undefined && size === undefined
      ? [{ path: ['width'], message: 'width needs size, the height of the images', fix: 'give both' }]
      : [],
  survey: async ({ params, resolve }) => {
    const { filesBeside } = await import('./shared/onnx-files.ts');
    const own = namedFiles(params, resolve);
    const files = [...own, ...filesBeside(resolve(params.path))];
    const outline = () =>
      fileOutline(files, async () => {
        const { buildOnnxModel } = await import('./shared/build-onnx.ts');
        const { path, classes: _names, ...rest } = params;
        return buildOnnxModel(resolve(path), rest);
      });
    return { files: () => files, outline };
  },
  run: async ({ params, resolve, warn }) => {
    const { buildOnnxModel } = await import('./shared/build-onnx.ts');
    const { path, classes, ...rest } = params;
    return {
      model: await buildOnnxModel(resolve(path), {
        ...rest,
        warn,
        ...(classes !== undefined && { classesFile: resolve(classes) }),
      }),
    };
  },
});
