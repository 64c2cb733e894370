import type { DiagnosticSink } from '../diagnostics/sink.ts';
import type { SourceFile } from '../diagnostics/source.ts';

/** Characters that look like a space or like nothing, and that YAML takes for a letter. */
const names: Readonly<Record<string, string>> = {
  '\u00a0': 'no-break space',
  '\u00ad': 'soft hyphen',
  '\u200b': 'zero-width space',
  '\u200c': 'zero-width non-joiner',
  '\u200d': 'zero-width joiner',
  '\u202f': 'narrow no-break space',
  '\u2028': 'line separator',
  '\u2029': 'paragraph separator',
  '\u2060': 'word joiner',
  '\u3000': 'ideographic space',
  '\ufeff': 'byte order mark',
};
const invisible = /[\u00a0\u00ad\u1680\u2000-\u200d\u2028\u2029\u202f\u205f\u2060\u3000\ufeff]/g;

/** Characters that are looked at, each with the line around it. */
const most = 100;

/** The first one at the start or the end of a line, or beside a sign of YAML: inside of a sentence it does no harm. */
function firstMisplaced(text: string): { readonly index: number; readonly character: string } | undefined {
  let looked = 0;
  for (const { index, 0: character } of text.matchAll(invisible)) {
    if (++looked > most) return undefined;
    const lineEnd = text.indexOf('\n', index);
    const before = text.slice(text.lastIndexOf('\n', index) + 1, index).trimEnd();
    const after = text.slice(index + 1, lineEnd === -1 ? undefined : lineEnd).trimStart();
    if (/^-?$|[:,[{]$/.test(before) || /^$|^[:#,\]}]/.test(after)) return { index, character };
  }
  return undefined;
}

/**
 * Warns of the first such character of a file that could not be read. It does not call them errors, because
 * a text may hold them, and something else may be wrong.
 */
export function warnOfInvisibleCharacter({ text, path }: SourceFile, sink: DiagnosticSink): void {
  const found = firstMisplaced(text);
  if (found === undefined) return;
  const { index, character } = found;
  const code = `U+${character.charCodeAt(0).toString(16).toUpperCase().padStart(4, '0')}`;
  const name = names[character] ?? 'space that is not a plain one';
  sink.warn(
    'invisible-character',
    { file: path, start: index, end: index + 1 },
    `this is a ${name} (${code}), which YAML reads as a letter`,
    { fix: 'replace it by a plain space, or delete it' },
  );
}
