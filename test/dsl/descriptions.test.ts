import { describe, expect, it } from 'vitest';
import { describeSchema } from '../../src/dsl/schema/describe-schema.ts';
import type { JsonSchema } from '../../src/dsl/schema/json-schema-types.ts';
import { frameSchema, profileSchema, stageSchema } from '../../src/dsl/schema/pipeline-schema.ts';
import { stages } from '../../src/stages/index.ts';

/** All schemas inside of a schema, itself included. */
function parts(schema: JsonSchema): readonly JsonSchema[] {
  const inside = Object.values(schema).flatMap((value: unknown): readonly JsonSchema[] => {
    if (Array.isArray(value)) return value.flatMap((item: unknown) => (isSchema(item) ? parts(item) : []));
    return isSchema(value) ? parts(value) : [];
  });
  return [schema, ...inside];
}

const isSchema = (value: unknown): value is JsonSchema => typeof value === 'object' && value !== null;

describe('a pattern', () => {
  it('is said in words wherever pipelines and built-in stage types have one', () => {
    const all = [frameSchema, stageSchema, profileSchema, ...[...stages.values()].map((stage) => stage.with)];
    const patterns = all.flatMap((schema) => parts(schema as JsonSchema)).filter(({ pattern }) => pattern);
    expect(patterns.length).toBeGreaterThan(1);
    expect(patterns.filter(({ patternSays }) => patternSays === undefined)).toEqual([]);
  });

  it('is shown itself if a plugin does not say it', () => {
    expect(describeSchema({ type: 'string', pattern: '^[a-z]+$' })).toBe('a text of the form ^[a-z]+$');
  });
});
