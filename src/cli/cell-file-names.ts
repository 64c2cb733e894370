import { sha256 } from '../runtime/digest.ts';
import { safeCellName } from '../runtime/run/ledger.ts';

/** Most characters of a cell's name in the name of a file, to which an output and an extension are added. */
const mostCharacters = 180;

/**
 * The names of files for cells, without extension: the name of the cell, with `_` for each character that file systems or
 * shells may not take. Among `cells`, which are all of a pipeline, no two have the same name, also where case makes no
 * difference: those that would, and those whose names had to be cut, end in eight digits of the digest of the cell's name.
 */
export function cellFileNames(cells: readonly string[]): (cell: string) => string {
  const counts = new Map<string, number>();
  for (const cell of cells) {
    const folded = safeCellName(cell).toLowerCase();
    counts.set(folded, (counts.get(folded) ?? 0) + 1);
  }
  return (cell) => {
    const safe = safeCellName(cell);
    const isCut = safe.length > mostCharacters;
    if (!isCut && (counts.get(safe.toLowerCase()) ?? 0) <= 1) return safe;
    return `${safe.slice(0, mostCharacters)}-${sha256(cell).slice(0, 8)}`;
  };
}
