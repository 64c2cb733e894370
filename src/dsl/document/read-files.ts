import { dirname, resolve } from 'node:path';
import { UnreadableFileError } from '../../files/unreadable-file-error.ts';
import type { SourceRange } from '../diagnostics/diagnostic.ts';
import { sourceFile } from '../diagnostics/source.ts';
import type { JsonSchema } from '../schema/json-schema-types.ts';
import { frameSchema, includedSchema } from '../schema/pipeline-schema.ts';
import { checkAgainst } from '../schema/validator.ts';
import {
  isNull,
  isUnknown,
  type Located,
  type LocatedEntry,
  type LocatedMap,
  mergeMaps,
  partialMap,
  quote,
  valueOf,
  withoutKeys,
} from '../text/located.ts';
import { asName, nameProblem } from '../text/names.ts';
import { parseDocument } from '../text/parse-document.ts';
import { isInside, type LoadContext, outsideMessage, shownPath } from './load-context.ts';

/** Parts whose ids are unique over all files. */
const sections = ['params', 'templates', 'stages', 'profiles'] as const;

/**
 * Reads the pipeline file and its includes as one document and checks the frame of each. Undefined if no
 * document can be judged.
 */
export function readPipelineFiles(context: LoadContext): LocatedMap | undefined {
  return readFile(context.file, undefined, [], context);
}

interface Step {
  readonly file: string;
  readonly at: SourceRange;
}

function readFile(
  absolute: string,
  askedAt: SourceRange | undefined,
  trail: readonly Step[],
  context: LoadContext,
): LocatedMap | undefined {
  const { sink, sources } = context;
  const shown = shownPath(absolute);
  let text: string;
  try {
    text = context.readFile(absolute);
  } catch (error) {
    const here = { file: shown, start: 0, end: 0 };
    if (error instanceof UnreadableFileError) {
      sink.error('cannot-read', askedAt ?? here, error.message.replace(absolute, shown), { fix: error.fix });
      return undefined;
    }
    const code = (error as NodeJS.ErrnoException).code;
    const why =
      code === 'ENOENT'
        ? 'does not exist'
        : code === 'EISDIR'
          ? 'is a folder'
          : `can't be read (${code ?? String(error)})`;
    if (askedAt === undefined) {
      const fix = code === 'ENOENT' ? context.remedyOfMissing?.(absolute) : undefined;
      sink.error('cannot-read', here, `the file ${why}`, { fix });
    } else {
      sink.error('include-not-found', askedAt, `the included file '${shown}' ${why}`, {
        fix: 'the path is relative to the file that includes it',
      });
    }
    return undefined;
  }
  const source = sourceFile(shown, text.replace(/^\uFEFF/, ''), absolute);
  sources.set(shown, source);
  const located = parseDocument(source, sink);
  if (located === undefined || isUnknown(located)) return undefined;
  if (located.kind !== 'map') {
    const at = { file: shown, start: located.at.start, end: Math.min(located.at.end, located.at.start + 40) };
    sink.error('wrong-type', at, 'a pipeline is a map that begins with ravelin: 1');
    return undefined;
  }
  const document = withoutEmpty(located);
  if (!checkFrame(document, askedAt !== undefined, context)) return undefined;
  return mergeIncludes(document, absolute, trail, context);
}

/** Removes keys without a value: `with:` alone is the same as no `with:`. */
function withoutEmpty(map: LocatedMap): LocatedMap {
  return withoutKeys(
    map,
    [...map.entries].filter(([, { value }]) => isNull(value)).map(([key]) => key),
  );
}

/** Returns false if this program can't read the version, because further errors would then be misleading. */
function checkFrame(document: LocatedMap, included: boolean, { sink }: LoadContext): boolean {
  const top = { file: document.at.file, start: document.at.start, end: document.at.start };
  const version = valueOf(document, 'ravelin');
  if (isUnknown(version)) return false;
  if (version === undefined) {
    if (document.partial) return false;
    sink.error(
      'missing-version',
      top,
      "the version of the language is missing: a pipeline begins with 'ravelin: 1'",
      {
        fix: "add the line 'ravelin: 1' at the top",
      },
    );
  } else if (!(version.kind === 'scalar' && version.value === 1)) {
    const isQuoted = version.kind === 'scalar' && version.value === '1';
    const text = isQuoted ? "the text '1'" : quote(version);
    sink.error(
      'unsupported-version',
      version.at,
      `this version of ravelin reads version 1 of the language, not ${text}`,
      {
        fix: isQuoted
          ? 'remove the quotes'
          : "write 'ravelin: 1', or install the version of ravelin that the pipeline was written for",
      },
    );
    return false;
  }
  const rest = withoutKeys(document, ['ravelin']);
  const schema = withoutVersion(included ? includedSchema : frameSchema);
  if (included) reportFrameKeys(rest, sink);
  checkAgainst(
    schema,
    included ? withoutKeys(rest, frameKeys) : rest,
    {
      owner: included ? 'an included file' : 'a pipeline',
      noun: 'key',
      unknownCode: 'unknown-key',
      missingCode: 'missing-key',
      missingAt: top,
    },
    sink,
  );
  for (const section of sections) {
    const map = valueOf(document, section);
    if (map?.kind !== 'map') continue;
    for (const [id, { key }] of map.entries) {
      const problem = nameProblem(id);
      const proper = asName(id);
      if (problem !== undefined) {
        sink.error('bad-id', key.at, `'${id}' can't be a name under ${section}: ${problem}`, {
          fix: proper === undefined ? 'choose another name' : `write '${proper}'`,
        });
      } else if (section === 'stages' && id === 'all') {
        sink.error(
          'bad-id',
          key.at,
          "'all' can't be the name of a stage: it is reserved for 'collect: all'",
          {
            fix: 'choose another name',
          },
        );
      }
    }
  }
  return true;
}

const withoutVersionSchemas = new WeakMap<object, JsonSchema>();

function withoutVersion(schema: typeof frameSchema | typeof includedSchema): JsonSchema {
  let result = withoutVersionSchemas.get(schema);
  if (result === undefined) {
    const { ravelin: _, ...properties } = schema.properties as Readonly<Record<string, JsonSchema>>;
    result = { type: 'object', properties };
    withoutVersionSchemas.set(schema, result);
  }
  return result;
}

const frameKeys = Object.keys(frameSchema.properties).filter((key) => !(key in includedSchema.properties));

function reportFrameKeys(document: LocatedMap, sink: LoadContext['sink']): void {
  for (const key of frameKeys) {
    const entry = document.entries.get(key);
    if (entry === undefined) continue;
    sink.error(
      'include-key',
      entry.key.at,
      `'${key}' holds for the whole pipeline and can't be in an included file`,
      {
        fix: 'move it to the file that includes this one',
      },
    );
  }
}

function mergeIncludes(
  document: LocatedMap,
  absolute: string,
  trail: readonly Step[],
  context: LoadContext,
): LocatedMap {
  let result = document;
  for (const path of includePaths(document)) {
    const target = resolve(dirname(absolute), path.text);
    const steps = [...trail, { file: absolute, at: path.at }];
    if (!isInside(context.root, target)) {
      context.sink.error(
        'outside-root',
        path.at,
        outsideMessage(path.text, { root: context.root, file: absolute }),
        {
          fix: 'move the file into the project',
        },
      );
      result = withPartialSections(result);
      continue;
    }
    const first = steps.findIndex(({ file }) => file === target);
    if (first !== -1) {
      const related = steps.slice(first, -1).map(({ at }) => ({ message: 'included from here', at }));
      context.sink.error('include-cycle', path.at, `'${path.text}' includes itself`, {
        related,
        fix: 'remove one of the include: lines',
      });
      result = withPartialSections(result);
      continue;
    }
    // Included by two files: its parts are already there.
    if (context.sources.has(shownPath(target))) continue;
    const included = readFile(target, path.at, steps, context);
    result = included === undefined ? withPartialSections(result) : mergeIncluded(result, included, context);
  }
  return isRefused(valueOf(document, 'include')) ? withPartialSections(result) : result;
}

/** Whether an `include:` names something that is not a path, so that a file is missing. */
function isRefused(include: Located | undefined): boolean {
  const items = include?.kind === 'sequence' ? include.items : include === undefined ? [] : [include];
  return items.some((item) => item.kind !== 'scalar' || typeof item.value !== 'string');
}

/** The document without a file that could not be read: what is missing may be in that file. */
function withPartialSections(document: LocatedMap): LocatedMap {
  const entries = new Map(document.entries);
  for (const name of [...sections, 'env', 'defaults']) {
    const before = entries.get(name);
    const at = { ...document.at, end: document.at.start };
    if (before === undefined)
      entries.set(name, { key: { kind: 'scalar', at, value: name, text: name }, value: partialMap(at) });
    else if (before.value.kind === 'map')
      entries.set(name, { ...before, value: { ...before.value, partial: true } });
    else if (name === 'env') entries.set(name, { ...before, value: mergedEnv(before.value, partialMap(at)) });
  }
  return { ...document, entries };
}

function includePaths(document: LocatedMap): readonly { text: string; at: SourceRange }[] {
  const include = valueOf(document, 'include');
  const items: readonly Located[] =
    include === undefined ? [] : include.kind === 'sequence' ? include.items : [include];
  return items.flatMap((item) =>
    item.kind === 'scalar' && typeof item.value === 'string' ? [{ text: item.value, at: item.at }] : [],
  );
}

function mergeIncluded(document: LocatedMap, included: LocatedMap, { sink }: LoadContext): LocatedMap {
  const entries = new Map<string, LocatedEntry>(document.entries);
  for (const [name, entry] of included.entries) {
    if (['ravelin', 'include', 'description', ...frameKeys].includes(name)) continue;
    const before = entries.get(name);
    if (before === undefined) {
      entries.set(name, entry);
    } else if (name === 'env') {
      entries.set(name, { key: before.key, value: mergedEnv(before.value, entry.value) });
    } else if (before.value.kind === 'map' && entry.value.kind === 'map') {
      for (const [id, { key }] of sections.some((section) => section === name) ? entry.value.entries : []) {
        const first = before.value.entries.get(id);
        if (first === undefined || (first.key.at.file === key.at.file && first.key.at.start === key.at.start))
          continue;
        sink.error('duplicate-id', key.at, `the name '${id}' under ${name}: is already taken`, {
          related: [{ message: 'the first is here', at: first.key.at }],
          fix: 'rename one of them',
        });
      }
      // The including file wins; the stages that it includes come after its own.
      entries.set(name, {
        key: before.key,
        value: mergeMaps(mergeMaps(before.value, entry.value), before.value),
      });
    }
  }
  return { ...document, entries };
}

function mergedEnv(first: Located, second: Located): Located {
  const itemsOf = (env: Located): LocatedEntry[] => {
    if (env.kind === 'map') return [...env.entries.values()];
    const nothing = (at: SourceRange): Located => ({ kind: 'scalar', at, value: null, text: '' });
    return env.kind === 'sequence'
      ? env.items.flatMap((key) => (key.kind === 'scalar' ? [{ key, value: nothing(key.at) }] : []))
      : [];
  };
  const entries = new Map([...itemsOf(second), ...itemsOf(first)].map((entry) => [entry.key.text, entry]));
  const partial = [first, second].some((env) =>
    env.kind === 'sequence'
      ? env.items.some(({ kind }) => kind !== 'scalar')
      : env.kind !== 'map' || env.partial,
  );
  return { kind: 'map', at: first.at, entries, ...(partial && { partial }) };
}
