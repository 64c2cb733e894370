import { StageError } from '../../../runtime/stage.ts';
import { readText } from './files.ts';

/**
 * Positions in `paths` of the images that a list names: a text file with one path a line. Blank lines and
 * lines that begin with `#` are passed over. Throws `StageError` for a path that is not there, and for one
 * that stands there twice.
 */
export function readImageList(list: string, paths: readonly string[], root: string): readonly number[] {
  const known = new Map(paths.map((path, position) => [path.normalize(), position]));
  const lines = new Map<number, number>();
  for (const [index, text] of readText(list).split('\n').entries()) {
    const path = text.trim();
    if (path === '' || path.startsWith('#')) continue;
    const position = known.get(path.replace(/^\.\//, '').normalize());
    const fail = (problem: string, fix: string): StageError =>
      new StageError(`${list}:${index + 1} ${problem}`, { code: 'bad-data', file: list, fix });
    if (position === undefined)
      throw fail(
        `names '${path}', which is not an image of ${root}`,
        'write one path a line: CLASS/NAME.png',
      );
    const first = lines.get(position);
    if (first !== undefined)
      throw fail(`names '${path}' again, after line ${first}`, 'remove one of the two lines');
    lines.set(position, index + 1);
  }
  if (lines.size > 0) return [...lines.keys()];
  throw new StageError(`${list} names no image`, {
    code: 'bad-data',
    file: list,
    fix: 'write one path a line: CLASS/NAME.png',
  });
}
