import { uniqueFileNames } from '../files/file-names.ts';

/** Most bytes of a cell's name in the name of a file, to which an output and an extension are added. */
const mostBytes = 189;

/**
 * The names of files for cells, without extension, as `uniqueFileNames` makes them. No two of `cells`, which are all of a pipeline,
 * have the same name. A blank is `_`, because shells divide words there.
 */
export function cellFileNames(cells: readonly string[]): (cell: string) => string {
  const names = uniqueFileNames(
    cells.map((cell) => cell.replaceAll(' ', '_')),
    mostBytes,
  );
  const known = new Map(cells.map((cell, index) => [cell, names[index]!]));
  return (cell) => known.get(cell)!;
}
