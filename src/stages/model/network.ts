import { dirname, extname, join } from 'node:path';
import { Type } from '@sinclair/typebox';
import { readJsonFile } from '../../files/read-json.ts';
import { isInside } from '../../models/inside-folder.ts';
import { defineStage, port } from '../../runtime/stage.ts';
import { classOrderParameter, namedFiles } from './shared/class-order-parameter.ts';
import { fileOutline } from './shared/file-outline.ts';

/** Remedies for files of other kinds, by their endings. */
const otherReaders: Readonly<Record<string, string>> = {
  '.safetensors':
    "give the .json file that names these weights: 'ravelin weights export FILE CELL --to network.json' writes both for a model of a pipeline",
  '.onnx': 'model/onnx reads ONNX files',
  '.pt2': 'model/torch-export reads files of torch.export.save',
};

/** A network of ravelin from a JSON file that ravelin or another program wrote. */
export const networkStage = defineStage({
  uses: 'model/network',
  version: 1,
  summary: 'A classifier from a network file: the graph as JSON, with its weights as safetensors beside it',
  with: Type.Object(
    {
      path: Type.String({
        format: 'path',
        description:
          'the JSON file, as ravelin weights export or another program writes it; its weights lie in the same folder',
      }),
      classes: classOrderParameter,
    },
    { additionalProperties: false },
  ),
  in: {},
  out: { model: port('model', { description: 'the network with its weights and preprocessing' }) },
  check: ({ path }) => {
    const remedy = otherReaders[extname(path).toLowerCase()];
    return remedy === undefined
      ? []
      : [
          {
            code: 'bad-file',
            path: ['path'],
            message: `${path} is not a network file, which is JSON`,
            fix: remedy,
          },
        ];
  },
  survey: ({ params, resolve }) => {
    const files = [...namedFiles(params, resolve), ...weightsBeside(resolve(params.path))];
    const outline = () =>
      fileOutline(files, async () => {
        const { buildNetworkModel } = await import('./shared/build-network.ts');
        return buildNetworkModel(resolve(params.path), undefined);
      });
    return Promise.resolve({ files: () => files, outline });
  },
  run: async ({ params: { path, classes }, resolve }) => {
    const { buildNetworkModel } = await import('./shared/build-network.ts');
    return {
      model: await buildNetworkModel(resolve(path), classes === undefined ? undefined : resolve(classes)),
    };
  },
});

/** The file of weights that a network file names; none if it cannot be read, which `run` reports. */
function weightsBeside(path: string): string[] {
  try {
    const { weights } = readJsonFile(path) as { readonly weights: { readonly file: string } };
    return isInside(weights.file) ? [join(dirname(path), weights.file)] : [];
  } catch {
    return [];
  }
}
