import type { Json } from '../../values/json.ts';

/** The part of JSON Schema that TypeBox writes and this language reads. */
export interface JsonSchema {
  readonly type?: string | readonly string[];
  readonly properties?: Readonly<Record<string, JsonSchema>>;
  readonly patternProperties?: Readonly<Record<string, JsonSchema>>;
  readonly additionalProperties?: boolean | JsonSchema;
  readonly required?: readonly string[];
  readonly items?: JsonSchema | readonly JsonSchema[];
  readonly anyOf?: readonly JsonSchema[];
  readonly oneOf?: readonly JsonSchema[];
  readonly allOf?: readonly JsonSchema[];
  readonly enum?: readonly Json[];
  readonly const?: Json;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly exclusiveMinimum?: number;
  readonly exclusiveMaximum?: number;
  readonly multipleOf?: number;
  readonly minItems?: number;
  readonly maxItems?: number;
  readonly minLength?: number;
  readonly pattern?: string;
  readonly format?: string;
  readonly default?: Json;
  readonly title?: string;
  readonly description?: string;
  /**
   * A keyword of ours: `bytes` and `duration` (milliseconds) are written with their unit; other units, such as
   * `pixel value` or `steps`, are only shown.
   */
  readonly unit?: string;
  /** A keyword of ours beside `pattern`: the pattern in words, for messages. */
  readonly patternSays?: string;
  /** A keyword of ours beside `format: 'path'`: the file is code, which the project must allow and the user trust. */
  readonly runsCode?: boolean;
}

/** The alternatives of a union; the schema itself if it is not a union. */
export function branchesOf(schema: JsonSchema): readonly JsonSchema[] {
  const union = schema.anyOf ?? schema.oneOf;
  return union === undefined ? [schema] : union.flatMap(branchesOf);
}

/** Schema of an object's member, if the schema says anything about it. */
export function memberSchema(schema: JsonSchema | undefined, key: string): JsonSchema | undefined {
  for (const branch of schema === undefined ? [] : branchesOf(schema)) {
    const named =
      branch.properties !== undefined && Object.hasOwn(branch.properties, key)
        ? branch.properties[key]
        : undefined;
    if (named !== undefined) return named;
    for (const [pattern, member] of Object.entries(branch.patternProperties ?? {})) {
      if (new RegExp(pattern, 'u').test(key)) return member;
    }
    if (typeof branch.additionalProperties === 'object') return branch.additionalProperties;
  }
  return undefined;
}

export function itemSchema(schema: JsonSchema | undefined, index: number): JsonSchema | undefined {
  for (const branch of schema === undefined ? [] : branchesOf(schema)) {
    if (branch.items === undefined) continue;
    if (isList(branch.items)) return branch.items[index];
    return branch.items;
  }
  return undefined;
}

function isList(items: JsonSchema | readonly JsonSchema[]): items is readonly JsonSchema[] {
  return Array.isArray(items);
}

const closedSchemas = new WeakMap<object, JsonSchema>();

/** The same schema, but an object has no members besides the listed ones unless it says otherwise. */
export function closed(schema: JsonSchema): JsonSchema {
  const known = closedSchemas.get(schema);
  if (known !== undefined) return known;
  const members = (record: Readonly<Record<string, JsonSchema>>): Record<string, JsonSchema> =>
    Object.fromEntries(Object.entries(record).map(([key, member]) => [key, closed(member)]));
  const result: JsonSchema = {
    ...schema,
    ...(schema.properties !== undefined && {
      properties: members(schema.properties),
      additionalProperties: schema.additionalProperties ?? false,
    }),
    ...(schema.patternProperties !== undefined && { patternProperties: members(schema.patternProperties) }),
    ...(schema.items !== undefined && {
      items: isList(schema.items) ? schema.items.map(closed) : closed(schema.items),
    }),
    ...(schema.anyOf !== undefined && { anyOf: schema.anyOf.map(closed) }),
    ...(schema.oneOf !== undefined && { oneOf: schema.oneOf.map(closed) }),
  };
  closedSchemas.set(schema, result);
  return result;
}
