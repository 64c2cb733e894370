import { StageError } from '../../../runtime/stage.ts';
import { readJson } from '../../dataset/shared/files.ts';

/** Position in the list of a file of the i-th name in sorted order. */
export function sortedOrder(path: string, classes: number): readonly number[] {
  const names = readJson(path);
  const isList = Array.isArray(names) && names.every((name) => typeof name === 'string');
  if (!isList || names.length !== classes || new Set(names).size !== classes) {
    throw new StageError(`${path} is not a list of ${classes} different class names`, {
      code: 'bad-data',
      file: path,
      fix: 'give a JSON list with the name of each output of the model, in its order',
    });
  }
  return [...names.keys()].sort((a, b) => (names[a]! < names[b]! ? -1 : 1));
}
