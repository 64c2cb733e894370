import { dirname, resolve } from 'node:path';
import type { Json, JsonObject } from '../../values/json.ts';
import type { SourceRange } from '../diagnostics/diagnostic.ts';
import { isInside, type LoadContext, outsideMessage } from '../document/load-context.ts';
import { itemSchema, type JsonSchema, memberSchema } from '../schema/json-schema-types.ts';
import type { Located } from '../text/located.ts';

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

/** Checks that every path in a value is relative to the pipeline file and stays inside the project. */
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
    checkPath(value, located.at, context);
  }
}

function checkPath(path: string, at: SourceRange, { sink, root, file }: LoadContext): void {
  if (!path.includes('\0') && isInside(root, resolve(dirname(file), path))) return;
  sink.error('outside-root', at, outsideMessage(path, { root, file }), {
    fix: 'move or link the data into the project; paths are relative to the pipeline file',
  });
}
