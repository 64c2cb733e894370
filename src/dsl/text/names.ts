import { hasUnsafeCharacters } from '../../console/visible-text.ts';

/**
 * Says what keeps a text from being the name of a stage, param, template, profile or axis: one cause, the first
 * one found. Undefined for a name.
 */
export function nameProblem(text: string): string | undefined {
  if (text === '') return 'it is empty';
  const strange = /[^A-Za-z0-9_-]/u.exec(text)?.[0];
  if (strange !== undefined)
    return `it contains ${nameCharacter(strange)}, and a name consists of letters, digits, - and _`;
  if (!/^[A-Za-z_]/.test(text))
    return `it begins with '${text[0]!}', and names must begin with a letter or _`;
  return undefined;
}

/** Turns a text into a name that resembles it; undefined if nothing sensible is left. */
export function asName(text: string): string | undefined {
  if (/[^\u0000-\u007f]/u.test(text)) return undefined;
  const name = text.replaceAll(/[^A-Za-z0-9_-]+/gu, '-').replaceAll(/^[-\d]+|-+$/g, '');
  return name === '' ? undefined : name;
}

/** Says what keeps a text from being a label: one cause. Undefined for a label. */
export function labelProblem(text: string): string | undefined {
  if (text.trim() === '') return 'it is empty';
  const strange = /[,=*[\]]/u.exec(text)?.[0];
  if (strange !== undefined) return `it contains '${strange}', and labels cannot contain , = * [ ]`;
  const control = Array.from(text).find(hasUnsafeCharacters);
  if (control !== undefined)
    return `it contains ${nameCharacter(control)}, and labels cannot contain control characters or marks that turn the direction of text`;
  if (/^\s/.test(text)) return 'it begins with a blank, which would be lost in the names of cells';
  if (/\s$/.test(text)) return 'it ends with a blank, which would be lost in the names of cells';
  return undefined;
}

const wordsForCharacters: Readonly<Record<string, string>> = {
  ' ': 'a blank',
  '\t': 'a tab',
  '\n': 'a line break',
  '\r': 'a line break',
  '\u00a0': 'a no-break space (U+00A0)',
};

function nameCharacter(character: string): string {
  const word = wordsForCharacters[character];
  if (word !== undefined) return word;
  const code = `U+${character.codePointAt(0)!.toString(16).toUpperCase().padStart(4, '0')}`;
  if (/[\p{Cc}\p{Cf}\p{Z}]/u.test(character)) return `the character ${code}`;
  return character.codePointAt(0)! < 0x80 ? `'${character}'` : `'${character}' (${code})`;
}
