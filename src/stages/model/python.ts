import { Type } from '@sinclair/typebox';
import { defineStage, type Facts, port } from '../../runtime/stage.ts';

interface Size {
  readonly height: number;
  readonly width: number;
  readonly channels: number;
}

/** A model in Python, for every attack and defense. */
export const pythonStage = defineStage({
  uses: 'model/python',
  version: 1,
  summary: 'A PyTorch model, computed by a Python process beside each worker',
  with: Type.Object(
    {
      module: Type.String({
        format: 'path',
        runsCode: true,
        description: 'Python file of the project, which package.json allows under ravelin.python',
      }),
      make: Type.String({
        minLength: 1,
        maxLength: 200,
        pattern: '^[A-Za-z_][A-Za-z0-9_]*$',
        patternSays: 'a name of Python: letters, digits and _, and no digit first',
        default: 'make_model',
        description: 'function of the module that returns a torch.nn.Module for pixels in [0, 1]',
      }),
      arguments: Type.Record(
        Type.String(),
        Type.Union([Type.Number({ unit: 'any' }), Type.String(), Type.Boolean()]),
        {
          default: {},
          description: 'arguments of that function by name',
        },
      ),
      weights: Type.Optional(
        Type.String({
          format: 'path',
          description: 'file of weights, whose absolute path the function gets as weights=',
        }),
      ),
      files: Type.Array(Type.String({ format: 'path' }), {
        maxItems: 1000,
        default: [],
        description: 'other files that decide the model, such as a configuration that the module reads',
      }),
      height: Type.Integer({ minimum: 1, maximum: 4096, unit: 'px', description: 'height of the images' }),
      width: Type.Integer({ minimum: 1, maximum: 4096, unit: 'px', description: 'width of the images' }),
      channels: Type.Integer({
        unit: 'channels',
        minimum: 1,
        maximum: 16,
        default: 3,
        description: 'colour channels of the images',
      }),
      python: Type.String({
        minLength: 1,
        maxLength: 4096,
        default: 'python3',
        description:
          'interpreter that has torch: a command, or a path from the root of the project, such as .venv/bin/python',
      }),
      device: Type.Union(
        [Type.Literal('auto'), Type.Literal('cpu'), Type.Literal('cuda'), Type.Literal('mps')],
        {
          default: 'auto',
          description: 'where torch computes; auto is cuda if there is a GPU and torch can use it',
        },
      ),
      deterministic: Type.Boolean({
        default: true,
        description: 'only algorithms of torch that give the same bits each time, where it has them',
      }),
    },
    { additionalProperties: false },
  ),
  example: { module: 'my_models.py', make: 'resnet', height: 32, width: 32, python: '.venv/bin/python' },
  in: {},
  out: {
    model: port('model', {
      description: 'the program, what it was made of, and the number of its classes',
      facts: ({ height, width, channels }: Size): Facts => ({ size: [height, width, channels] }),
    }),
  },
  survey: async ({ params, resolve, resolveCode }) => {
    const { path, root } = resolveCode(params.module, params.python);
    const { askInterpreter } = await import('../../models/python/interpreter.ts');
    const { localImports } = await import('../../models/python/local-imports.ts');
    const interpreter = await askInterpreter(params.python, params.device, root);
    const { weights, files } = params;
    const named = [...files, ...(weights === undefined ? [] : [weights])].map(resolve);
    return { files: () => [...localImports(path), ...named], facts: () => ({ ...interpreter }) };
  },
  run: async (context) => {
    const { makePythonModel } = await import('./shared/make-python-model.ts');
    return { model: await makePythonModel(context) };
  },
});
