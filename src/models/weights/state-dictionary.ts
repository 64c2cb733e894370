/** Finds the weights in what a training script saved: the state dictionary, or a checkpoint that holds it. */
import { WeightsError } from './errors.ts';
import type { PickleValue } from './pickle.ts';

/** A map in a checkpoint whose values are tensors, at least in part. */
interface Candidate<T> {
  /** Keys from the top of the file: `['model', 'state_dict']`. */
  readonly path: readonly string[];
  readonly tensors: ReadonlyMap<string, T>;
}

/** Keys under which training scripts save the weights, the most wanted first. */
const stateKeys = ['state_dict', 'state_dict_ema', 'model_state_dict', 'model', 'net'];

/** Levels of maps that are looked at. */
const deepest = 8;

/**
 * The tensors by name: those at the top, or those of a map under one of the usual keys, or those of the only
 * map that has any. Throws `WeightsError`, which says what the file holds, if nothing or too much is found.
 */
export function stateDictionary<T extends PickleValue>(
  value: PickleValue,
  isTensor: (value: PickleValue) => value is T,
): ReadonlyMap<string, T> {
  if (!(value instanceof Map)) {
    throw new WeightsError(
      `the file holds ${isTensor(value) ? 'a single tensor' : 'no dictionary'} instead of a dictionary of tensors`,
      saveStateDictionary,
    );
  }
  const usual = underUsualKeys(value, isTensor);
  if (usual !== null) return usual;
  const candidates = candidatesIn(value, isTensor, [], 0);
  const [only] = candidates;
  if (only !== undefined && candidates.length === 1) return only.tensors;
  if (only === undefined) {
    const keys = [...value.keys()].filter((key) => typeof key === 'string').slice(0, 8);
    throw new WeightsError(
      `the file holds no tensors, only ${keys.length === 0 ? 'an empty dictionary' : keys.map((key) => `'${key}'`).join(', ')}`,
      saveStateDictionary,
    );
  }
  const listed = candidates
    .slice(0, 6)
    .map(({ path, tensors }) => `'${path.join('.')}' with ${tensors.size}`)
    .join(', ');
  throw new WeightsError(
    `the file holds no tensors at its top, but several maps of them: ${listed}`,
    `save one map alone: torch.save(checkpoint${only.path.map((key) => `['${key}']`).join('')}, 'weights.pth')`,
  );
}

export const saveStateDictionary = "save the weights alone: torch.save(model.state_dict(), 'weights.pth')";

/** Follows the usual keys as deep as they go; null if they lead to no tensors. */
function underUsualKeys<T extends PickleValue>(
  map: Map<PickleValue, PickleValue>,
  isTensor: (value: PickleValue) => value is T,
  depth = 0,
): ReadonlyMap<string, T> | null {
  if (depth > deepest) return null;
  for (const key of stateKeys) {
    const inner = map.get(key);
    if (!(inner instanceof Map)) continue;
    const found = underUsualKeys(inner, isTensor, depth + 1);
    if (found !== null) return found;
  }
  const own = tensorsOf(map, isTensor);
  return own.size > 0 ? own : null;
}

/** Every map of tensors in a map, itself included. What an optimizer remembers has numbers as keys. */
function candidatesIn<T extends PickleValue>(
  map: Map<PickleValue, PickleValue>,
  isTensor: (value: PickleValue) => value is T,
  path: readonly string[],
  depth: number,
): readonly Candidate<T>[] {
  const tensors = tensorsOf(map, isTensor);
  const own = tensors.size > 0 ? [{ path, tensors }] : [];
  if (depth === deepest) return own;
  const inner = [...map].flatMap(([key, value]) =>
    typeof key === 'string' && value instanceof Map
      ? candidatesIn(value, isTensor, [...path, key], depth + 1)
      : [],
  );
  return [...own, ...inner];
}

function tensorsOf<T extends PickleValue>(
  map: Map<PickleValue, PickleValue>,
  isTensor: (value: PickleValue) => value is T,
): ReadonlyMap<string, T> {
  const tensors = new Map<string, T>();
  for (const [name, value] of map) if (typeof name === 'string' && isTensor(value)) tensors.set(name, value);
  return tensors;
}
