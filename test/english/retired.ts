/** The words and forms that plain English has retired, and a finder of them. */
import { lineOf, type Prose, proseOf } from './prose.ts';

export interface Finding {
  readonly file: string;
  readonly line: number;
  /** As the file has it, with single blanks. */
  readonly phrase: string;
  readonly instead: string;
}

interface Rule {
  readonly pattern: RegExp;
  readonly instead: string;
  readonly kinds: readonly Prose['kind'][];
}

const anywhere: Rule['kinds'] = ['docstring', 'comment', 'literal', 'page'];

/** A word of a code such as `too-many-mistakes`, or a part of a name such as `allSettled`, is not a word. */
function words(pattern: string, instead: string): Rule {
  const spaced = pattern.replaceAll(' ', String.raw`\s+`);
  return {
    pattern: new RegExp(String.raw`(?<![\w-])(?:${spaced})(?![\w-])`, 'gi'),
    instead,
    kinds: anywhere,
  };
}

const rules: readonly Rule[] = [
  words('knobs?', 'strength'),
  words('told(?! apart)', 'reported'),
  words(String.raw`(?:tells?|telling)(?! (?:\w+ ){0,3}apart)`, 'report, say or show'),
  words('settle[sd]?|settling', 'the name of the state, or decide'),
  words('heal(?:s|ed|ing)?', 'recompute'),
  words('bury|buries|buried|burying', 'mark lost'),
  words('anew', 'again'),
  words('(?<!by )mistakes?', 'error'),
  words('least objective', 'minimum'),
  words('way back', 'backward pass'),
  words(String.raw`so many(?! \w+ that)`, 'the number'),
  words('standing', 'active'),
  words('knows? no(?! longer)', 'does not know, or does not support'),
  words('be had', 'exist, or be made'),
  words('as good as absent', 'treated as absent'),
  words(String.raw`(?<!there )(?:is|are|was|were) no (?!longer\b|more than\b)\w+`, 'is not a'),
  {
    pattern: /^\s*(?:Of|What)\s+\S+/g,
    instead: 'a sentence with a subject and a verb',
    kinds: ['docstring'],
  },
  {
    pattern: /(?:(?<=[.:;!?]\s+)|^\s*)(?:As|Of|Where)\s[^,.:;!?]*(?:[.:;!?](?=\s)|$)/g,
    instead: 'a sentence with a subject and a verb',
    kinds: ['docstring', 'comment'],
  },
];

/** Finds what is retired in a page of Markdown, or in the comments and literals of a source file. */
export function findRetired(file: string, text: string): readonly Finding[] {
  const prose = file.endsWith('.md') ? [{ kind: 'page' as const, text, start: 0 }] : proseOf(file, text);
  const matches = prose.flatMap((part) => rules.flatMap((rule) => matchesOf(rule, part)));
  return [...new Map(matches.map((match) => [match.offset, match])).values()]
    .sort((a, b) => a.offset - b.offset)
    .map(({ offset, phrase, instead }) => ({ file, line: lineOf(text, offset), phrase, instead }));
}

interface Match {
  readonly offset: number;
  readonly phrase: string;
  readonly instead: string;
}

function matchesOf({ pattern, instead, kinds }: Rule, { kind, text, start }: Prose): readonly Match[] {
  if (!kinds.includes(kind)) return [];
  return [...text.matchAll(pattern)].map(({ index, 0: match }) => ({
    offset: start + index + match.search(/\S/),
    phrase: match.trim().replaceAll(/\s+/g, ' '),
    instead,
  }));
}
