import { type Alias, isAlias, isMap, isScalar, isSeq, type Node, type YAMLError } from 'yaml';
import type { SourceRange } from '../diagnostics/diagnostic.ts';
import type { DiagnosticSink } from '../diagnostics/sink.ts';
import type { SourceFile } from '../diagnostics/source.ts';
import {
  foreignMessage,
  type ForeignReference,
  foreignReferences,
  properReference,
  withReferences,
} from './foreign-references.ts';
import {
  type Located,
  type LocatedEntry,
  type LocatedMap,
  type LocatedScalar,
  type LocatedTemplate,
  type Scalar,
  unknownValue,
} from './located.ts';
import { type ParsedYaml, parseYaml } from './parse-yaml.ts';
import { roundedInteger } from './scalars.ts';

/** Limits on a pipeline file before it is judged, because YAML may come from anywhere. */
export const limits = {
  bytes: 1024 * 1024,
  lexemes: 200_000,
  depth: 64,
  aliases: 100,
  nodes: 1_000_000,
  syntaxErrors: 20,
} as const;

/**
 * Text → values with their places. The text is YAML 1.2 core with unique keys, no custom tags, no merge keys,
 * and one document. Reports every error into `sink`; undefined if the text has no value that can be judged.
 */
export function parseDocument(file: SourceFile, sink: DiagnosticSink): Located | undefined {
  const whole = { file: file.path, start: 0, end: 0 };
  const bytes = Buffer.byteLength(file.text);
  if (bytes > limits.bytes) {
    sink.error(
      'too-large',
      whole,
      `the file has ${bytes} bytes; a pipeline file can have at most ${limits.bytes} (1 MiB)`,
      { fix: tooLargeFix },
    );
    return undefined;
  }
  const foreign = foreignReferences(file.text, parseLimited);
  const documents = parse({ ...file, text: withReferences(file.text, foreign) }, sink);
  if (documents === undefined) {
    for (const reference of foreign) reportForeign(file, reference, sink);
    return undefined;
  }
  const [document, second] = documents;
  if (second !== undefined) {
    const start = second.range[0];
    sink.error(
      'many-documents',
      { file: file.path, start, end: start },
      'a pipeline file holds one YAML document, but a second one begins here',
      {
        fix: "remove the '---' or move this part to a file of its own and include: it",
      },
    );
    return undefined;
  }
  if (document?.contents == null) {
    sink.error('wrong-type', whole, 'the file is empty; a pipeline is a map that begins with ravelin: 1');
    return undefined;
  }
  return new Converter(file, foreign, sink).document(document.contents);
}

function parseLimited(text: string): ParsedYaml {
  return parseYaml(text, {
    lexemes: limits.lexemes,
    // The document around the values, the scalar inside of them, and one for our own check, which knows the place.
    depth: limits.depth + 3,
    problems: limits.syntaxErrors,
  });
}

function reportForeign(file: SourceFile, { start, end }: ForeignReference, sink: DiagnosticSink): void {
  const text = file.text.slice(start, end);
  sink.error('dollar-brace', { file: file.path, start, end }, foreignMessage(text), {
    fix: `write ${properReference(text)}`,
  });
}

/** The documents of a file; undefined after a syntax error, because the tree would be misleading. */
function parse(file: SourceFile, sink: DiagnosticSink): ParsedYaml['documents'] | undefined {
  const { documents, problems, exceeded } = parseLimited(file.text);
  for (const problem of problems) reportYamlError(file, problem, sink);
  if (exceeded === undefined) return problems.length > 0 ? undefined : documents;
  const at = { file: file.path, start: exceeded.at, end: exceeded.at };
  if (exceeded.limit === 'depth') sink.error('too-deep', at, tooDeep);
  if (exceeded.limit === 'lexemes')
    sink.error('too-large', at, `the file has more than ${limits.lexemes} words, signs and blanks`, {
      fix: tooLargeFix,
    });
  return undefined;
}

const tooLargeFix = 'split it with include:, or generate the labels of an axis from a parameter';
const tooDeep = `the values are nested more than ${limits.depth} levels deep`;

function reportYamlError(file: SourceFile, error: YAMLError, sink: DiagnosticSink): void {
  const [from, end] = error.pos;
  // The end of a line or of the file has no character to mark, so the last character before it is marked.
  const blank = error.code !== 'TAB_AS_INDENT' && /^\s*$/.test(file.text.slice(from, from + 1));
  const start = blank ? Math.max(0, file.text.slice(0, from).trimEnd().length - 1) : from;
  const lineEnd = file.text.indexOf('\n', start);
  const at = {
    file: file.path,
    start,
    end: Math.min(Math.max(end, start + 1), lineEnd === -1 ? file.text.length : lineEnd),
  };
  switch (error.code) {
    case 'TAG_RESOLVE_FAILED': {
      const tag = /^\S+/.exec(file.text.slice(start))?.[0] ?? '';
      const range = { ...at, end: start + tag.length };
      sink.error('custom-tag', range, `the tag '${tag}' is not allowed: a pipeline is plain YAML data`, {
        fix: 'remove the tag',
      });
      return;
    }
    case 'TAB_AS_INDENT':
      sink.error('yaml-syntax', at, 'YAML is indented with spaces, not with tabs');
      return;
    default:
      sink.error('yaml-syntax', at, sentence(error.message));
  }
}

function sentence(message: string): string {
  const line = message.split('\n')[0]!;
  const missing = /end with a (\S)$/.exec(line)?.[1];
  if (missing !== undefined) return `this is not YAML: a '${missing}' is missing here or earlier`;
  return `this is not YAML: ${line[0]?.toLowerCase() ?? ''}${line.slice(1)}`;
}

/** Walks the tree of one document. Anchors are looked up in document order, as YAML defines them. */
class Converter {
  readonly #anchors = new Map<string, { value: Located; nodes: number; aliases: number }>();
  #aliases = 0;
  #nodes = 0;
  #stopped = false;
  readonly #file: SourceFile;
  readonly #sink: DiagnosticSink;

  readonly #foreign: readonly ForeignReference[];

  constructor(file: SourceFile, foreign: readonly ForeignReference[], sink: DiagnosticSink) {
    this.#file = file;
    this.#foreign = foreign;
    this.#sink = sink;
  }

  /** Undefined if a limit ended the walk, because what is left would be misleading. */
  document(node: unknown): Located | undefined {
    const value = this.#convert(node, 0);
    return this.#stopped ? undefined : value;
  }

  #convert(node: unknown, depth: number): Located {
    const before = { nodes: this.#nodes++, aliases: this.#aliases };
    const value = this.#value(node as Node | null, depth);
    const anchor = isAlias(node) ? undefined : (node as { anchor?: string } | null)?.anchor;
    if (anchor !== undefined) {
      const cost = { nodes: this.#nodes - before.nodes, aliases: this.#aliases - before.aliases };
      this.#anchors.set(anchor, { value, ...cost });
    }
    return value;
  }

  #value(node: Node | null, depth: number): Located {
    const at = this.#range(node);
    if (this.#stopped) return unknownValue(at, '');
    if (depth > limits.depth) {
      this.#stopped = true;
      this.#sink.error('too-deep', { ...at, end: at.start + 1 }, tooDeep);
      return unknownValue(at, '');
    }
    if (isAlias(node)) return this.#alias(node, at);
    if (isMap(node)) return this.#map(node.items, at, depth);
    if (isSeq(node))
      return { kind: 'sequence', at, items: node.items.map((item) => this.#convert(item, depth + 1)) };
    const scalar = this.#scalar(node, at);
    return scalar.kind === 'scalar' && typeof scalar.value === 'number' ? this.#exact(scalar) : scalar;
  }

  /** A number as it is written, or an error if it is an integer of more digits than a number keeps. */
  #exact(scalar: LocatedScalar): LocatedScalar | LocatedTemplate {
    const { at, text } = scalar;
    const rounded = roundedInteger(text);
    if (rounded === undefined) return scalar;
    this.#sink.error('rounded-integer', at, `'${text}' would be rounded to ${BigInt(rounded)}`, {
      fix: 'write a whole number up to 9007199254740991, or put it in quotes if it is a text',
    });
    return unknownValue(at, text);
  }

  #map(items: readonly { key: unknown; value: unknown }[], parent: SourceRange, depth: number): LocatedMap {
    let partial = false;
    const entries = new Map<string, LocatedEntry>();
    for (const pair of items) {
      const key = this.#key(pair.key, parent);
      const keyEnd = key === undefined ? parent : { ...key.at, start: key.at.end };
      const value = pair.value === null ? emptyAt(keyEnd) : this.#convert(pair.value, depth + 1);
      if (key === undefined) {
        partial = true;
        continue;
      }
      const name = typeof key.value === 'string' ? key.value : key.text;
      const first = entries.get(name);
      if (first !== undefined) {
        this.#sink.error('duplicate-key', key.at, `the key '${name}' is already used in this map`, {
          related: [{ message: 'the first is here', at: first.key.at }],
          fix: 'remove one of them, or give it another name',
        });
        continue;
      }
      // A key without a value points at its own end, where the value is missing.
      const placed = value.kind === 'scalar' && value.value === null && value.at.end === value.at.start;
      entries.set(name, { key, value: placed ? emptyAt(keyEnd) : value });
    }
    return { kind: 'map', at: parent, entries, ...(partial && { partial }) };
  }

  /** Undefined after an error. */
  #key(node: unknown, parent: SourceRange): LocatedScalar | undefined {
    const at = node === null ? { ...parent, end: parent.start } : this.#range(node as Node);
    const target = isAlias(node)
      ? this.#alias(node, at)
      : isScalar(node)
        ? this.#scalar(node, at)
        : undefined;
    if (target?.kind === 'template') return undefined;
    if (target?.kind !== 'scalar' || target.value === null) {
      const is = target?.kind === 'scalar' ? 'empty' : 'a list or a map';
      this.#sink.error('bad-key', at, `this key is ${is}; a key must be a word, a number or a quoted text`);
      return undefined;
    }
    if (target.value === '<<') {
      this.#sink.error('merge-key', at, "'<<' is not part of YAML 1.2 and is not allowed in a pipeline", {
        fix: 'put the shared part under templates: and name it with extends:',
      });
      return undefined;
    }
    return target;
  }

  #scalar(node: Node | null, at: SourceRange): LocatedScalar | LocatedTemplate {
    if (!isScalar(node)) return emptyAt(at);
    const { value } = node;
    const foreign = this.#foreign.filter(({ start, end }) => at.start <= start && end <= at.end);
    if (foreign.length > 0) {
      for (const reference of foreign) reportForeign(this.#file, reference, this.#sink);
      return unknownValue(at, this.#file.text.slice(at.start, at.end));
    }
    const text = typeof value === 'string' ? value : (node.source ?? String(value));
    if (typeof value === 'number' && !Number.isFinite(value)) {
      this.#sink.error('not-finite', at, `'${text}' is not a finite number`, {
        fix: 'write a finite number',
      });
      return unknownValue(at, text);
    }
    return { kind: 'scalar', at, value: toScalar(value), text };
  }

  #alias(node: Alias, at: SourceRange): Located {
    const target = this.#anchors.get(node.source);
    if (target === undefined) {
      this.#sink.error('yaml-syntax', at, `the alias '*${node.source}' has no anchor before it`, {
        fix: `put &${node.source} before the value that is meant, above this line; or share it by templates: or params:`,
      });
      return unknownValue(at, `*${node.source}`);
    }
    this.#aliases += 1 + target.aliases;
    this.#nodes += target.nodes;
    if (this.#aliases > limits.aliases || this.#nodes > limits.nodes) {
      if (!this.#stopped) {
        this.#sink.error(
          'too-many-aliases',
          at,
          `the aliases of this file expand more than ${limits.aliases} times`,
          {
            fix: 'put what is shared under templates: or params: and refer to it from there',
          },
        );
      }
      this.#stopped = true;
      return unknownValue(at, `*${node.source}`);
    }
    return target.value;
  }

  #range(node: Node | null): SourceRange {
    const [start, end] = node?.range ?? [0, 0];
    // The range of a block collection reaches to the next token; its text ends where its last line ends.
    const text = this.#file.text;
    let last = Math.max(start, end);
    while (last > start && /\s/.test(text[last - 1]!)) last--;
    return { file: this.#file.path, start, end: last };
  }
}

function toScalar(value: unknown): Scalar {
  return typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean' ? value : null;
}

function emptyAt(at: SourceRange): LocatedScalar {
  return { kind: 'scalar', at: { ...at, start: at.end }, value: null, text: '' };
}
