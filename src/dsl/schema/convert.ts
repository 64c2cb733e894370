import type { Json } from '../../values/json.ts';
import type { Located, LocatedScalar } from '../text/located.ts';
import { isFraction, parseBytes, parseDuration, parseNumber } from '../text/scalars.ts';
import { branchesOf, itemSchema, type JsonSchema, memberSchema } from './json-schema-types.ts';

/**
 * The plain value that a schema judges: `8/255`, `1_000_000`, `6GiB` and `30m` become numbers if the schema
 * takes a number. A text that can't be read stays as written, and the schema then refuses it.
 */
export function convert(located: Located, schema: JsonSchema | undefined): Json {
  switch (located.kind) {
    case 'scalar':
      return convertScalar(located, schema);
    case 'template':
      return located.text;
    case 'sequence':
      return located.items.map((item, index) => convert(item, itemSchema(schema, index)));
    case 'map': {
      const members = [...located.entries].map(([key, { value }]) => [
        key,
        convert(value, memberSchema(schema, key)),
      ]);
      return Object.fromEntries(members) as Json;
    }
  }
}

export function convertScalar(
  { value, text, fromEnvironment }: Pick<LocatedScalar, 'value' | 'text' | 'fromEnvironment'>,
  schema: JsonSchema | undefined,
): Json {
  if (schema === undefined) return value;
  const branches = branchesOf(schema);
  // Only a text is taken here, and what stands in the environment is one, however it looks.
  if (fromEnvironment === true && branches.every(({ type }) => type === 'string')) return text;
  if (value === null || typeof value === 'boolean') return value;
  for (const { unit } of branches) {
    if (unit === 'bytes' && typeof value === 'string') return parseBytes(text) ?? parseNumber(text) ?? value;
    // A bare number has no unit, so it may mean minutes or milliseconds. It stays a text, which the schema refuses.
    if (unit === 'duration') return value === 0 ? 0 : (parseDuration(text) ?? text);
  }
  if (typeof value === 'number') return value;
  if (branches.some((branch) => branch.const === value || branch.enum?.includes(value) === true))
    return value;
  if (!branches.some(isNumeric)) return value;
  const free = branches.some(
    (branch) => branch.type === 'string' && branch.const === undefined && branch.enum === undefined,
  );
  if (free && !isFraction(text)) return value;
  return readsAsNumber(text) ? (parseNumber(text) ?? value) : value;
}

/** Quoted plain decimals (`'10'`) stay text: only what YAML can't write as a number is read as one. */
function readsAsNumber(text: string): boolean {
  return isFraction(text) || text.includes('_');
}

export function isNumeric({ type }: JsonSchema): boolean {
  return (
    type === 'number' ||
    type === 'integer' ||
    (Array.isArray(type) && type.some((name) => name === 'number' || name === 'integer'))
  );
}
