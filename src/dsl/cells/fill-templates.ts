import type { Json } from '../../values/json.ts';
import type { AxisLabel } from '../graph.ts';
import { itemSchema, type JsonSchema, memberSchema } from '../schema/json-schema-types.ts';
import type { Located, LocatedScalar, LocatedTemplate } from '../text/located.ts';
import { parseNumber } from '../text/scalars.ts';

/** Returns the label of the cell on an axis, or undefined if the label is not known. */
export type LabelOf = (axis: string) => AxisLabel | undefined;

/** A place in the parameters that waits for the labels of a cell. */
export interface Slot {
  readonly path: readonly string[];
  readonly template: LocatedTemplate;
  readonly schema: JsonSchema | undefined;
}

/** The places of a value that wait for labels. */
export function slotsOf(located: Located, schema: JsonSchema | undefined, path: readonly string[]): Slot[] {
  switch (located.kind) {
    case 'scalar':
      return [];
    case 'template':
      return [{ path, template: located, schema }];
    case 'sequence':
      return located.items.flatMap((item, index) =>
        slotsOf(item, itemSchema(schema, index), [...path, String(index)]),
      );
    case 'map':
      return [...located.entries].flatMap(([key, { value }]) =>
        slotsOf(value, memberSchema(schema, key), [...path, key]),
      );
  }
}

/** Counts the characters that the templates become, without making them. */
export function lengthOf(slots: readonly Slot[], labelOf: LabelOf): number {
  let length = 0;
  for (const { template } of slots) {
    for (const part of template.parts)
      length += typeof part === 'string' ? part.length : String(labelOf(part.axis) ?? '').length;
  }
  return length;
}

/** The scalar that a template becomes. A template that is only `$(axes.x)` keeps the type of the label. */
export function filled(template: LocatedTemplate, labelOf: LabelOf): LocatedScalar | undefined {
  if (template.unknown === true) return undefined;
  const values: AxisLabel[] = [];
  for (const part of template.parts) {
    const value = typeof part === 'string' ? part : labelOf(part.axis);
    if (value === undefined) return undefined;
    values.push(value);
  }
  const [only] = values;
  const text = values.length === 1 ? String(only) : values.join('');
  // `-$(axes.x)` is a number again if it reads as one: there is no other way to write it.
  const value =
    values.length === 1
      ? only!
      : /^[-+.\d]/.test(text) && !text.includes('/')
        ? (parseNumber(text) ?? text)
        : text;
  return { kind: 'scalar', at: template.at, value, text };
}

/** The value with every template that the labels can fill as the scalar that it becomes. */
export function fill(located: Located, labelOf: LabelOf): Located {
  switch (located.kind) {
    case 'scalar':
      return located;
    case 'template':
      return filled(located, labelOf) ?? located;
    case 'sequence':
      return { ...located, items: located.items.map((item) => fill(item, labelOf)) };
    case 'map': {
      const entries = [...located.entries].map(
        ([key, entry]) => [key, { ...entry, value: fill(entry.value, labelOf) }] as const,
      );
      return { ...located, entries: new Map(entries) };
    }
  }
}

/** Writes a value to a place of plain parameters. */
export function put(root: Json, path: readonly string[], value: Json): void {
  let target = root as Record<string, Json>;
  for (const step of path.slice(0, -1)) target = target[step] as Record<string, Json>;
  target[path.at(-1)!] = value;
}
