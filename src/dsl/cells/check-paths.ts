import { basename, dirname, isAbsolute, resolve } from 'node:path';
import type { Json, JsonObject } from '../../values/json.ts';
import { isInside, type LoadContext, outsideMessage } from '../document/load-context.ts';
import { itemSchema, type JsonSchema, memberSchema } from '../schema/json-schema-types.ts';
import type { Located } from '../text/located.ts';
import { shellWord } from '../text/shell-word.ts';

const withPaths = new WeakMap<object, boolean>();

/**
 * Whether a schema has a path anywhere: most stage types have none, and their cells are not searched for one.
 */
export function hasPaths(schema: JsonSchema): boolean {
  let found = withPaths.get(schema);
  if (found === undefined) {
    found = JSON.stringify(schema).includes('"format":"path"');
    withPaths.set(schema, found);
  }
  return found;
}

/**
 * Checks that every path in a value is relative to the pipeline file and stays inside the project and what the user allows. Warns of
 * files that do not exist, if the load looks for files.
 */
export function checkPaths(
  value: Json,
  located: Located,
  schema: JsonSchema | undefined,
  context: LoadContext,
): void {
  if (located.kind === 'map') {
    for (const [key, entry] of located.entries) {
      checkPaths((value as JsonObject)[key] ?? null, entry.value, memberSchema(schema, key), context);
    }
  } else if (located.kind === 'sequence') {
    for (const [index, item] of located.items.entries()) {
      checkPaths((value as readonly Json[])[index] ?? null, item, itemSchema(schema, index), context);
    }
  } else if (
    typeof value === 'string' &&
    (schema?.format === 'path' || schema?.anyOf?.some(({ format }) => format === 'path') === true)
  ) {
    checkPath(value, located, context);
    if (schema.runsCode === true) warnOfCode(value, located, context);
  }
}

function checkPath(path: string, located: Located, context: LoadContext): void {
  const { sink, root, allowedPaths, file, exists, reads } = context;
  const absolute = resolve(dirname(file), path);
  if (!path.includes('\0') && [root, ...allowedPaths].some((place) => isInside(place, absolute))) {
    if (!isPattern(path)) reads.add(absolute);
    if (exists !== undefined && !isPattern(path) && !exists(absolute)) warnOfMissing(path, located, context);
    return;
  }
  sink.error('outside-root', located.at, outsideMessage(path, { root, file }), {
    fix: outsideFix(path),
  });
}

/** The commands that let the project read data from elsewhere. They are for the folder of the pipeline. */
function outsideFix(path: string): string {
  const name = basename(path);
  if (path.includes('\0') || /^\.*$/.test(name)) return 'name a file or folder of the project';
  const link = `data/${name}`;
  // A relative target is read from the folder of the link.
  const target = isAbsolute(path) ? path : `../${path}`;
  return `in the folder of the pipeline, let this project read it on this machine: ravelin allow-path ${shellWord(path)}; or link it there, and write ${link}: mkdir -p data && ln -s ${shellWord(target)} ${shellWord(link)}`;
}

/** Whether a path may stand for several files, which a plugin finds in its own way. */
function isPattern(path: string): boolean {
  return /[*?[\]{}]/.test(path);
}

function warnOfCode(path: string, located: Located, { sink, codeProblem }: LoadContext): void {
  const problem = codeProblem?.(path) ?? null;
  if (problem === null) return;
  sink.warn('code-not-allowed', located.at, problem.message, { fix: problem.fix });
}

function warnOfMissing(path: string, located: Located, { sink }: LoadContext): void {
  const origin = located.kind === 'template' ? undefined : located.origin;
  sink.warn('missing-file', located.at, `'${path}' does not exist`, {
    // One place with a label in it is one warning, although each cell names another file.
    same: 'missing',
    related: origin === undefined ? [] : [{ message: 'the value comes from here', at: origin }],
    fix: 'put it there before the run, or correct the path, which is relative to the pipeline file',
  });
}
