import { dirname, join } from 'node:path';
import { Type } from '@sinclair/typebox';
import { readJsonFile } from '../../files/read-json.ts';
import { defineStage, port } from '../../runtime/stage.ts';
import { classOrderParameter, namedFiles } from './shared/class-order-parameter.ts';
import { fileOutline } from './shared/file-outline.ts';
import { preprocessingParameters } from './shared/preprocessing-parameters.ts';

/** A TensorFlow.js LayersModel or GraphModel as a network of ravelin. */
export const tfjsStage = defineStage({
  uses: 'model/tfjs',
  version: 1,
  summary: 'A TensorFlow.js LayersModel or GraphModel, as a network that every backend runs',
  with: Type.Object(
    {
      path: Type.String({ format: 'path', description: 'model.json; its weight files lie beside it' }),
      size: Type.Optional(
        Type.Integer({
          minimum: 1,
          maximum: 4096,
          unit: 'px',
          description: 'side of the square images, if the model leaves it open or should get another one',
        }),
      ),
      classes: classOrderParameter,
      ...preprocessingParameters([0], [1]),
    },
    { additionalProperties: false },
  ),
  in: {},
  out: { model: port('model', { description: 'the network with its weights and preprocessing' }) },
  survey: ({ params, resolve }) => {
    const files = [...namedFiles(params, resolve), ...weightFiles(resolve(params.path))];
    const outline = () =>
      fileOutline(files, async () => {
        const { buildTfjsModel } = await import('./shared/build-tfjs.ts');
        const { path, classes: _names, ...rest } = params;
        return buildTfjsModel(resolve(path), rest);
      });
    return Promise.resolve({ files: () => files, outline });
  },
  run: async ({ params, resolve }) => {
    const { buildTfjsModel } = await import('./shared/build-tfjs.ts');
    const { classes, ...rest } = params;
    return {
      model: await buildTfjsModel(resolve(params.path), {
        ...rest,
        ...(classes !== undefined && { classesFile: resolve(classes) }),
      }),
    };
  },
});

/** The weight files that a model.json names; none if it cannot be read, which `run` reports. */
function weightFiles(path: string): string[] {
  try {
    const { weightsManifest } = readJsonFile(path) as {
      readonly weightsManifest: readonly { readonly paths: readonly string[] }[];
    };
    return weightsManifest.flatMap(({ paths }) => paths.map((name) => join(dirname(path), name)));
  } catch {
    return [];
  }
}
