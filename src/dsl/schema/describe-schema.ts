import { branchesOf, type JsonSchema } from './json-schema-types.ts';

/** Units that change how a number reads, so that every sentence about it has them. */
const measures = ['px', 'ms'];

/**
 * Describes the values of a schema for a sentence: `a whole number from 1 to 10`, `'pixel' or 'normalized'`,
 * `a list of numbers`. It names only the units of lengths and times; `unitOf` gives all units.
 */
export function describeSchema(schema: JsonSchema): string {
  const phrases = [...new Set(branchesOf(schema).flatMap(phrasesOf))];
  if (phrases.length <= 1) return phrases[0] ?? 'a value';
  return `${phrases.slice(0, -1).join(', ')} or ${phrases.at(-1) ?? ''}`;
}

function phrasesOf(schema: JsonSchema): readonly string[] {
  if (schema.const !== undefined) return [literal(schema.const)];
  if (schema.enum !== undefined) return schema.enum.map(literal);
  switch (Array.isArray(schema.type) ? schema.type[0] : schema.type) {
    case 'number':
    case 'integer':
      return [number(schema)];
    case 'string':
      return [
        schema.patternSays ??
          (schema.pattern !== undefined
            ? `a text of the form ${schema.pattern}`
            : schema.format === 'path'
              ? 'a path'
              : schema.minLength === 1
                ? 'a text that is not empty'
                : 'a text'),
      ];
    case 'boolean':
      return ['true or false'];
    case 'null':
      return ['null'];
    case 'array':
      return [list(schema)];
    case 'object':
      return [map(schema)];
    default:
      return ['a value'];
  }
}

/** The units of the numbers in a value; empty if it has no numbers, or if sentences name their unit. */
export function unitOf(schema: JsonSchema): string {
  const units = branchesOf(schema).flatMap((branch) => {
    if (branch.unit === 'bytes' || branch.unit === 'duration') return [];
    if (branch.unit !== undefined) return [branch.unit];
    const members = [
      branch.items,
      branch.additionalProperties,
      ...Object.values(branch.patternProperties ?? {}),
    ];
    return members.flatMap((member) => (isSchema(member) ? [unitOf(member)] : []));
  });
  return [...new Set(units)].filter((unit) => unit !== '').join(' or ');
}

function isSchema(member: JsonSchema | readonly JsonSchema[] | boolean | undefined): member is JsonSchema {
  return typeof member === 'object' && !Array.isArray(member);
}

function literal(value: unknown): string {
  return typeof value === 'string' ? `'${value}'` : String(value);
}

function number(schema: JsonSchema): string {
  if (schema.unit === 'bytes') return `a size such as 6GiB or 512MiB${unitRange(schema)}`;
  if (schema.unit === 'duration') return `a duration such as 30m, 90s or 1h30m${unitRange(schema)}`;
  const unit = schema.unit !== undefined && measures.includes(schema.unit) ? ` (${schema.unit})` : '';
  const multiple = schema.multipleOf === undefined ? '' : ` that is a multiple of ${schema.multipleOf}`;
  return `${schema.type === 'integer' ? 'a whole number' : 'a number'}${range(schema)}${multiple}${unit}`;
}

/** Sizes and durations are never negative, which needs no saying. */
function unitRange(schema: JsonSchema): string {
  const { minimum: _, ...rest } = schema;
  return range(schema.minimum === 0 ? rest : schema);
}

/** ` from 0 to 1`, ` above 0`, ` of at least 1`; empty if there are no limits. */
export function range({ minimum, maximum, exclusiveMinimum, exclusiveMaximum }: JsonSchema): string {
  const parts: string[] = [];
  if (minimum !== undefined && maximum !== undefined) return ` from ${minimum} to ${maximum}`;
  if (minimum !== undefined) parts.push(`of at least ${minimum}`);
  if (exclusiveMinimum !== undefined) parts.push(`above ${exclusiveMinimum}`);
  if (maximum !== undefined) parts.push(`of at most ${maximum}`);
  if (exclusiveMaximum !== undefined) parts.push(`below ${exclusiveMaximum}`);
  return parts.length === 0 ? '' : ` ${parts.join(' and ')}`;
}

/** The most keys of a map that a sentence lists. */
const mostKeys = 8;

function map({ properties = {}, patternProperties = {}, additionalProperties }: JsonSchema): string {
  const keys = Object.keys(properties);
  if (keys.length > 0) return keys.length > mostKeys ? 'a map' : `a map with ${keys.join(', ')}`;
  const [values = typeof additionalProperties === 'object' ? additionalProperties : undefined] =
    Object.values(patternProperties);
  return values === undefined ? 'a map' : `a map whose values are each ${describeSchema(values)}`;
}

function list({ items, minItems, maxItems }: JsonSchema): string {
  const single = items === undefined || Array.isArray(items) ? 'value' : describeSchema(items as JsonSchema);
  const plural: Readonly<Record<string, string>> = {
    value: 'values',
    'a number': 'numbers',
    'a whole number': 'whole numbers',
    'a text': 'texts',
    'a path': 'paths',
  };
  const what = plural[single] ?? `items, each ${single}`;
  if (minItems !== undefined && minItems === maxItems) return `a list of ${minItems} ${what}`;
  if (minItems === 1 && maxItems === undefined)
    return single in plural
      ? `a list of ${what} that is not empty`
      : `a list of at least 1 item, each ${single}`;
  const least = minItems === undefined || minItems === 0 ? '' : `at least ${minItems} `;
  const most = maxItems === undefined ? '' : `${least === '' ? '' : 'and '}at most ${maxItems} `;
  return `a list of ${least}${most}${what}`;
}
