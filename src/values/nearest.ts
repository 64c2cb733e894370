/**
 * Guesses what a misspelt name was meant to be, by one measure for pipelines, columns of results and weights.
 */

/**
 * Damerau-Levenshtein distance in its restricted form (optimal string alignment): insertions, deletions,
 * substitutions and swaps of neighbours each cost 1.
 */
export function editDistance(a: string, b: string): number {
  let beforePrevious: number[] = [];
  let previous = Array.from({ length: b.length + 1 }, (_, column) => column);
  for (let row = 1; row <= a.length; row++) {
    const current = [row];
    for (let column = 1; column <= b.length; column++) {
      const same = a[row - 1] === b[column - 1];
      let cost = Math.min(
        current[column - 1]! + 1,
        previous[column]! + 1,
        previous[column - 1]! + (same ? 0 : 1),
      );
      if (row > 1 && column > 1 && a[row - 1] === b[column - 2] && a[row - 2] === b[column - 1]) {
        cost = Math.min(cost, beforePrevious[column - 2]! + 1);
      }
      current.push(cost);
    }
    beforePrevious = previous;
    previous = current;
  }
  return previous[b.length]!;
}

/**
 * Beyond these limits, a comparison costs more than the hint is worth. `mostWork` limits all comparisons of a
 * word together, in letters times letters.
 */
const longestWord = 64;
const mostWork = 200_000;

/**
 * Returns the candidate that was probably meant: at most a third of the letters are wrong, or one letter of a
 * short word.
 */
export function nearest(word: string, candidates: Iterable<string>): string | undefined {
  // A number is never a misspelling of another number.
  if (word.length === 0 || word.length > longestWord || /^[-+\d./_]+$/.test(word)) return undefined;
  const folded = fold(word);
  let best: string | undefined;
  let bestDistance = Math.max(1, Math.floor(word.length / 3)) + 1;
  let work = 0;
  for (const candidate of candidates) {
    if (Math.abs(candidate.length - word.length) > bestDistance) continue;
    work += word.length * candidate.length;
    if (work > mostWork) break;
    const distance =
      fold(candidate) === folded ? 0.5 : editDistance(word.toLowerCase(), candidate.toLowerCase());
    if (distance < bestDistance) {
      best = candidate;
      bestDistance = distance;
    }
  }
  return best;
}

/** `step_size`, `step-size` and `stepSize` are spellings of the same word. */
function fold(word: string): string {
  return word.toLowerCase().replaceAll(/[-_ ]/g, '');
}

/**
 * Returns the end of a sentence: `; did you mean 'lambda'?`, or a list of the candidates, called `noun`, if
 * none is near.
 */
export function didYouMean(word: string, candidates: Iterable<string>, noun?: string): string {
  const list = [...candidates];
  const found = nearest(word, list);
  if (found !== undefined) return `; did you mean '${found}'?`;
  if (noun === undefined) return '';
  if (list.length === 0) return `; there are no ${noun}`;
  return `; ${noun}: ${shortList(list)}`;
}

/** Lists at most `most` items, then the number of the others. */
export function shortList(items: readonly (string | number | boolean)[], most = 8): string {
  const shown = items.slice(0, most).join(', ');
  return items.length > most ? `${shown}, … (${items.length - most} more)` : shown;
}
