import type { Json, JsonObject } from '../../values/json.ts';
import { isNumeric } from '../schema/convert.ts';
import type { JsonSchema } from '../schema/json-schema-types.ts';

/** How values are written that YAML itself has no form for. */
export const textDefinitions = {
  reference: {
    type: 'string',
    pattern: String.raw`\$\(`,
    description: 'a reference: $(params.x), $(axes.x), $(env.X), $(name)',
  },
  fraction: {
    type: 'string',
    pattern: String.raw`^[-+]?[\d_.]+([eE][-+]?\d+)?(\s*/\s*[-+]?[\d_.]+([eE][-+]?\d+)?)?$`,
  },
  bytes: { type: 'string', pattern: String.raw`^\d[\d_]*(\.\d+)?\s*[kKMGT]?i?B$` },
  duration: { type: 'string', pattern: String.raw`^(\d[\d_]*(\.\d+)?(ms|[smhd])\s*)+$` },
} as const;

/** A reference to a definition by its name. */
export function definition(name: string): JsonObject {
  return { $ref: `#/definitions/${encodeURIComponent(name.replaceAll('~', '~0').replaceAll('/', '~1'))}` };
}

/** The description of a schema, if it has one. */
export function about(schema: JsonSchema | undefined): JsonObject {
  return schema?.description === undefined ? {} : { description: schema.description };
}

export function loosenAll(properties: Readonly<Record<string, JsonSchema>>): Record<string, JsonObject> {
  return Object.fromEntries(Object.entries(properties).map(([key, schema]) => [key, loosen(schema)]));
}

/** Standard keywords that say the same to every validator. */
const kept = [
  'minimum',
  'maximum',
  'exclusiveMinimum',
  'exclusiveMaximum',
  'multipleOf',
  'minItems',
  'maxItems',
  'minLength',
  'pattern',
] as const;

/** A schema that also takes how values are written before the program reads them. Nothing is required. */
export function loosen(schema: JsonSchema): JsonObject {
  const notes: JsonObject = {
    ...about(schema),
    ...(schema.default !== undefined && { default: schema.default }),
  };
  const union = schema.anyOf ?? schema.oneOf;
  if (union !== undefined) return { ...notes, anyOf: [...union.map(loosen), definition('reference')] };
  const limits = Object.fromEntries(
    kept.filter((key) => schema[key] !== undefined).map((key) => [key, schema[key]!]),
  ) as JsonObject;
  if (schema.const !== undefined) {
    return { ...notes, anyOf: [{ const: schema.const, ...typeOf(schema.const) }, definition('reference')] };
  }
  if (schema.enum !== undefined) return { ...notes, anyOf: [{ enum: schema.enum }, definition('reference')] };
  if (isNumeric(schema)) {
    const { unit } = schema;
    const plain = { type: schema.type as string, ...limits };
    const text = definition(unit === 'bytes' || unit === 'duration' ? unit : 'fraction');
    return {
      ...notes,
      anyOf: unit === 'duration' ? [text, definition('reference')] : [plain, text, definition('reference')],
    };
  }
  if (schema.type === 'object') return { ...notes, ...objectSchema(schema) };
  if (schema.type === 'array')
    return { ...notes, anyOf: [arraySchema(schema, limits), definition('reference')] };
  if (schema.type === 'boolean') return { ...notes, anyOf: [{ type: 'boolean' }, definition('reference')] };
  if (schema.type === 'string') {
    return limits['pattern'] === undefined
      ? { ...notes, type: 'string' }
      : { ...notes, anyOf: [{ type: 'string', ...limits }, definition('reference')] };
  }
  return schema.type === undefined ? notes : { ...notes, type: schema.type };
}

function typeOf(value: Json): JsonObject {
  return typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean'
    ? { type: typeof value }
    : {};
}

function arraySchema(schema: JsonSchema, limits: JsonObject): JsonObject {
  const items = schema.items;
  if (items === undefined) return { type: 'array', ...limits };
  if (!Array.isArray(items)) return { type: 'array', ...limits, items: loosen(items as JsonSchema) };
  const list = (items as readonly JsonSchema[]).map(loosen);
  return { type: 'array', ...limits, minItems: list.length, maxItems: list.length, items: list };
}

function objectSchema(schema: JsonSchema): JsonObject {
  const { properties, patternProperties, additionalProperties } = schema;
  return {
    type: 'object',
    ...(properties !== undefined && { properties: loosenAll(properties) }),
    ...(patternProperties !== undefined && { patternProperties: loosenAll(patternProperties) }),
    ...(typeof additionalProperties === 'object'
      ? { additionalProperties: loosen(additionalProperties) }
      : { additionalProperties: additionalProperties ?? properties === undefined }),
  };
}
