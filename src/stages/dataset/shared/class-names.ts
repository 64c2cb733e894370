import { StageError } from '../../../runtime/stage.ts';
import { readJson } from './files.ts';

/** The class names of a JSON file in label order. Throws `StageError`. */
export function readClassNames(path: string): readonly string[] {
  const fail = (problem: string): StageError =>
    new StageError(`${path} ${problem}`, {
      code: 'bad-data',
      file: path,
      fix: 'write the class folder names in label order: ["cat", "dog"]',
    });
  const list = readJson(path);
  if (!Array.isArray(list) || list.length === 0) throw fail('is not a list of class names');
  const seen = new Set<string>();
  return list.map((name: unknown, index) => {
    if (typeof name !== 'string') throw fail(`has an entry that is not a text (index ${index})`);
    if (seen.has(name.normalize())) throw fail(`names the class '${name}' twice`);
    seen.add(name.normalize());
    return name;
  });
}

/**
 * Position of each name, found in any Unicode form: macOS takes `é` apart, and so a folder may differ from a
 * list in nothing that can be seen.
 */
export function indexByName(names: readonly string[]): ReadonlyMap<string, number> {
  return new Map(names.map((name, index) => [name.normalize(), index]));
}
