import { createHash } from 'node:crypto';

/** Bytes of UTF-8 that file systems take as the name of a file or folder. */
export const mostNameBytes = 255;

/** A form that is equal for names which some file systems take for one, because they know neither case nor forms of Unicode. */
export function foldedName(name: string): string {
  return name.normalize('NFKC').toLowerCase();
}

/** A name of at most `most` bytes: itself, or its beginning and eight digits of its digest. */
export function cutName(name: string, most: number): string {
  return Buffer.byteLength(name) <= most ? name : withDigest(name, name, most);
}

/** The name with eight digits of the digest of `original`, in at most `most` bytes. */
function withDigest(name: string, original: string, most: number): string {
  const digest = createHash('sha256').update(original).digest('hex').slice(0, 8);
  let kept = '';
  let bytes = 0;
  for (const character of name) {
    bytes += Buffer.byteLength(character);
    if (bytes > most - digest.length - 1) break;
    kept += character;
  }
  return `${kept}-${digest}`;
}

/**
 * Names of files for texts such as cells and classes, in their order: letters, digits and `. = , [ ] -` and blanks as they are, `_`
 * for anything else and for a dot at the beginning, at most `most` bytes of UTF-8. No two are the same, also where case and forms of
 * Unicode make no difference, and none is one of `taken`: those that would be end in eight digits of the digest of their text.
 */
export function uniqueFileNames(
  texts: readonly string[],
  most: number,
  taken: readonly string[] = [],
): readonly string[] {
  const safe = texts.map((text) =>
    text
      .normalize('NFC')
      .replaceAll(/[^\p{L}\p{M}\p{N}\p{Extended_Pictographic}_.=,[\] -]/gu, '_')
      .replace(/^(?:\.+|$)/, (dots) => '_'.repeat(Math.max(1, dots.length))),
  );
  const counts = new Map(taken.map((name) => [foldedName(name), 1]));
  for (const name of safe) counts.set(foldedName(name), (counts.get(foldedName(name)) ?? 0) + 1);
  return safe.map((name, index) =>
    counts.get(foldedName(name)) === 1 && Buffer.byteLength(name) <= most
      ? name
      : withDigest(name, texts[index]!, most),
  );
}
