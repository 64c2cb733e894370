import type { ParameterProblem, ReadFile } from '../../../runtime/stage.ts';
import type { TensorEntry } from '../../../values/safetensors.ts';
import { safetensorsHead } from '../../shared/safetensors-head.ts';
import type { CnnParameters } from './build-cnn.ts';

type Tensors = ReadonlyMap<string, TensorEntry>;

/** The problem of weights for another number of classes, by the head of a safetensors file if it is there. */
export function classProblems(path: string, classes: number, read: ReadFile): readonly ParameterProblem[] {
  const tensors = tensorsOf(path, read);
  const found = tensors && lastRows(tensors);
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
  const tensors = tensorsOf(path, read);
  if (tensors === null) return [];
  const blocks = 2 ** filters.length;
  const flat = Math.floor(height / blocks) * Math.floor(width / blocks) * filters.at(-1)!;
  const wrong = [
    ['conv1', [filters[0]!, channels, kernel, kernel], 'filters, channels and kernel'],
    ['fc1', [[...dense, classes][0]!, flat], 'height, width, filters and dense'],
    [`fc${dense.length + 1}`, [classes, dense.at(-1) ?? flat], 'classes and dense'],
  ] as const;
  for (const [name, shape, from] of wrong) {
    const stored = tensors.get(`${name}.weight`)?.shape;
    if (stored === undefined || stored.join() === shape.join()) continue;
    const message = `'${name}.weight' of ${path} is [${stored.join(', ')}], but ${from} make it [${shape.join(', ')}]`;
    return [problem(message, 'give the parameters of the network that the weights were trained for')];
  }
  return [];
}

function problem(message: string, fix: string): ParameterProblem {
  return { code: 'bad-file', path: ['weights'], message, fix };
}

/** By their names without the prefixes that wrappers add; null unless it is a safetensors file that can be read. */
function tensorsOf(path: string, read: ReadFile): Tensors | null {
  if (!path.endsWith('.safetensors')) return null;
  const tensors = safetensorsHead(path, read);
  return (
    tensors &&
    new Map(
      [...tensors].map(([name, entry]) => [name.replace(/^(module\.|_orig_mod\.|model\.)+/, ''), entry]),
    )
  );
}

const last = /^(?:fc|_fc|linear|classif|last_linear|classifier(?:\.(\d+))?)\.weight$/;

/** The first extent of the last layer, by its name in the published architectures; undefined if none is called so. */
function lastRows(tensors: Tensors): number | undefined {
  const layers = [...tensors].flatMap(([name, { shape }]) => {
    const match = last.exec(name);
    return match === null ? [] : [{ place: Number(match[1] ?? 0), rows: shape[0] }];
  });
  return layers.sort((one, other) => other.place - one.place)[0]?.rows;
}
