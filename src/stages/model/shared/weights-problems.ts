import { extname } from 'node:path';
import { isOwnLayout } from '../../../models/weights/own-layout.ts';
import type { ParameterProblem, ReadFile } from '../../../runtime/stage.ts';
import { safetensorsHead } from '../../shared/safetensors-head.ts';
import type { CnnParameters } from './build-cnn.ts';

/** The shapes that PyTorch gives the tensors of a file, and how the file has them. */
interface Shapes {
  readonly torch: ReadonlyMap<string, readonly number[]>;
  readonly asStored: (shape: readonly number[]) => readonly number[];
}

/** Files that hold a network with its graph, by their endings, and the stage types that read them. */
const networkFiles: Readonly<Record<string, string>> = {
  '.json': 'model/network reads network files, and model/tfjs those of TensorFlow.js',
  '.onnx': 'model/onnx reads it',
  '.pt2': 'model/torch-export reads it',
};

/** The problem of weights that are a file of another kind by its ending. */
export function weightsEndingProblems(path: string | undefined): readonly ParameterProblem[] {
  const ending = path === undefined ? '' : extname(path).toLowerCase();
  if (!Object.hasOwn(networkFiles, ending)) return [];
  return [
    problem(
      `${path} is a network with its graph, by its ending, and not weights alone`,
      `${networkFiles[ending]!}; or give weights as .safetensors, or a PyTorch file`,
    ),
  ];
}

/** The problem of weights for another number of classes, by the head of a safetensors file if it is there. */
export function classProblems(path: string, classes: number, read: ReadFile): readonly ParameterProblem[] {
  const shapes = shapesOf(path, read);
  const found = shapes && lastRows(shapes.torch);
  if (found == null || found === classes) return [];
  return [
    problem(
      `the weights of ${path} are for ${found} classes, not for ${classes}`,
      `set classes: ${found}, or give other weights`,
    ),
  ];
}

/** The problems of weights for a network of other parameters. */
export function cnnWeightsProblems(
  path: string,
  params: Omit<CnnParameters, 'mean' | 'std'>,
  read: ReadFile,
): readonly ParameterProblem[] {
  const { height, width, channels, classes, filters, dense, kernel } = params;
  const shapes = shapesOf(path, read);
  if (shapes === null) return [];
  const blocks = 2 ** filters.length;
  const flat = Math.floor(height / blocks) * Math.floor(width / blocks) * filters.at(-1)!;
  const wrong = [
    ['conv1', [filters[0]!, channels, kernel, kernel], 'filters, channels and kernel'],
    [
      'fc1',
      [[...dense, classes][0]!, flat],
      dense.length === 0 ? 'height, width, filters and classes' : 'height, width, filters and dense',
    ],
    [`fc${dense.length + 1}`, [classes, dense.at(-1) ?? flat], 'classes and dense'],
  ] as const;
  for (const [name, shape, from] of wrong) {
    const given = shapes.torch.get(`${name}.weight`);
    if (given === undefined || given.join() === shape.join()) continue;
    const [stored, needed] = [given, shape].map((one) => `[${shapes.asStored(one).join(', ')}]`);
    const message = `'${name}.weight' of ${path} is ${stored!}, but ${from} make it ${needed!}`;
    return [problem(message, 'give the parameters of the network that the weights were trained for')];
  }
  return [];
}

function problem(message: string, fix: string): ParameterProblem {
  return { code: 'bad-file', path: ['weights'], message, fix };
}

/**
 * By the names of tensors without the prefixes that wrappers add; null unless it is a safetensors file that can be read. Files of
 * ravelin have the axes in the opposite order; the order of height and width is of no account here, because kernels of
 * model/cnn are square.
 */
function shapesOf(path: string, read: ReadFile): Shapes | null {
  if (!path.endsWith('.safetensors')) return null;
  const head = safetensorsHead(path, read);
  if (head === null) return null;
  const turn = (shape: readonly number[]): readonly number[] =>
    isOwnLayout(head.metadata) ? shape.toReversed() : shape;
  const torch = [...head.tensors].map(
    ([name, { shape }]) => [name.replace(/^(module\.|_orig_mod\.|model\.)+/, ''), turn(shape)] as const,
  );
  return { torch: new Map(torch), asStored: turn };
}

const last = /^(?:fc|_fc|linear|classif|last_linear|classifier(?:\.(\d+))?)\.weight$/;

/** The first extent of the last layer, by its name in the published architectures; undefined if none is called so. */
function lastRows(tensors: Shapes['torch']): number | undefined {
  const layers = [...tensors].flatMap(([name, shape]) => {
    const match = last.exec(name);
    return match === null ? [] : [{ place: Number(match[1] ?? 0), rows: shape[0] }];
  });
  return layers.sort((one, other) => other.place - one.place)[0]?.rows;
}
