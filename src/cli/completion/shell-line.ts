/** The beginning of a command line, up to the cursor, as bash takes it apart. */
export interface ShellLine {
  /** Words without their quotes; the last one is being typed, and may be empty. */
  readonly words: readonly string[];
  /** Characters of the last word that bash has cut off before what it completes, as at a `=`. */
  readonly cut: number;
}

/**
 * Splits the line of a command as bash does for completion: white space and the characters of `breaks` divide words if
 * they are not quoted, but words that only a break divides belong together for the command.
 */
export function splitLine(line: string, breaks: string): ShellLine {
  const words: string[] = [];
  let word: string | null = null;
  let cut = 0;
  let quote = '';
  for (let at = 0; at < line.length; at++) {
    const character = line[at]!;
    if (character === '\\' && quote !== "'") word = (word ?? '') + (line[++at] ?? '');
    else if (quote !== '') {
      if (character === quote) quote = '';
      else word = (word ?? '') + character;
    } else if (character === "'" || character === '"') {
      quote = character;
      word ??= '';
    } else if (/\s/.test(character)) {
      if (word !== null) words.push(word);
      [word, cut] = [null, 0];
    } else {
      word = (word ?? '') + character;
      if (breaks.includes(character)) cut = word.length;
    }
  }
  return { words: [...words, word ?? ''], cut };
}
