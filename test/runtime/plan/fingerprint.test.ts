import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { seedStream } from '../../../src/runtime/digest.ts';
import { explainDifference } from '../../../src/runtime/plan/explain-difference.ts';
import { filesText, preimageText, withText } from '../../../src/runtime/plan/fingerprint.ts';
import type { RecipeInput, UnitRecipe } from '../../../src/runtime/plan/fingerprint.ts';
import { canonicalJson } from '../../../src/values/json.ts';
import type { Json, JsonObject } from '../../../src/values/json.ts';

const json = fc.jsonValue({ maxDepth: 3 }) as fc.Arbitrary<Json>;
const params = fc.dictionary(fc.string(), json) as fc.Arbitrary<JsonObject>;
const digests = fc.array(
  fc.integer({ min: 0, max: 255 }).map((byte) => byte.toString(16).padStart(64, '0')),
  { minLength: 1, maxLength: 4 },
);
const value = fc.record({ digests, skip: fc.nat({ max: 3 }) });
const inputs = fc
  .dictionary(
    fc.string(),
    fc.oneof(
      value.map((one) => ({ one })),
      fc
        .array(
          value.chain((item) => fc.dictionary(fc.string(), fc.integer()).map((axes) => ({ ...item, axes }))),
        )
        .map((many) => ({ many })),
    ),
  )
  .map((ports): RecipeInput[] => Object.entries(ports).map(([port, input]) => ({ port, ...input })));

const recipes: fc.Arbitrary<UnitRecipe> = fc.record({
  constant: fc.record({
    libraries: fc.constantFrom('', '"libraries":{"sharp":"0.35.5"},'),
    numerics: fc.constantFrom('', '"numerics":{"backend":"wasm"},'),
    printed: fc.constantFrom('', '"printed":{"backend":"wasm"},'),
    seed: fc.constantFrom('', '"seed":[1,2],'),
    usesAndVersion: fc.constant('"uses":"test/a","version":3'),
  }),
  withText: params.map(canonicalJson),
  inputs,
  shard: fc.option(fc.record({ first: fc.nat(), count: fc.nat() })),
  chunk: fc.option(fc.nat()),
  filesText: fc.option(
    fc
      .array(fc.tuple(fc.string(), fc.string()), { minLength: 1, maxLength: 200 })
      .map((files) => filesText(files)!),
  ),
});

function shuffled(from: Json): Json {
  if (Array.isArray(from)) return from.map(shuffled);
  if (typeof from !== 'object' || from === null) return from;
  return Object.fromEntries(
    Object.entries(from)
      .reverse()
      .map(([key, item]) => [key, shuffled(item)]),
  );
}

describe('keys', () => {
  test('canonical JSON says the same value, whatever the order of keys', () => {
    fc.assert(
      fc.property(json, (from) => {
        expect(canonicalJson(shuffled(from))).toBe(canonicalJson(from));
        expect(JSON.parse(canonicalJson(from))).toEqual(JSON.parse(JSON.stringify(from)));
      }),
    );
  });

  test('the pre-image that is put together by hand is the canonical JSON of itself', () => {
    fc.assert(
      fc.property(recipes, (recipe) => {
        const text = preimageText(recipe);
        expect(canonicalJson(JSON.parse(text) as Json)).toBe(text);
      }),
    );
  });

  test('the order of ports and of parameters does not change it', () => {
    fc.assert(
      fc.property(recipes, (recipe) => {
        expect(preimageText({ ...recipe, inputs: [...recipe.inputs].reverse() })).toBe(preimageText(recipe));
      }),
    );
    fc.assert(
      fc.property(params, (from) => {
        expect(withText(shuffled(from) as JsonObject, undefined)).toBe(withText(from, undefined));
      }),
    );
  });

  test('a parameter that only says how many images there are stays out', () => {
    expect(withText({ limit: 200, path: 'x' }, ['limit'])).toBe(
      withText({ limit: 400, path: 'x' }, ['limit']),
    );
  });

  test('a value that means the absence of a parameter stays out, and no other value of it', () => {
    const unset = { trace: false };
    expect(withText({ steps: 5, trace: false }, undefined, unset)).toBe(withText({ steps: 5 }));
    expect(withText({ steps: 5, trace: true }, undefined, unset)).not.toBe(withText({ steps: 5 }));
    expect(withText({ limit: 5, steps: 5, trace: false }, ['limit'], unset)).toBe(withText({ steps: 5 }));
  });

  test('the seed stream differs between stage types, seeds of stages and seeds of pipelines', () => {
    const streams = [
      seedStream(1, { uses: 'a/b' }),
      seedStream(1, { uses: 'a/c' }),
      seedStream(2, { uses: 'a/b' }),
      seedStream(1, { uses: 'a/b', seed: 1 }),
      seedStream(11, { uses: 'a/b', seed: 1 }),
      seedStream(1, { uses: 'a/b', seed: 11 }),
    ];
    expect(seedStream(1, { uses: 'a/b', seed: 0 })).toEqual(streams[0]);
    expect(new Set(streams.map(String)).size).toBe(streams.length);
  });
});

describe('what a difference is called', () => {
  const base: JsonObject = {
    format: 1,
    uses: 'defense/tvm',
    version: 1,
    with: { bits: 3, nested: { lambda: 0.03 } },
    inputs: { images: ['a', 'b', 'c', 'd'] },
    numerics: { backend: 'tensorflow', version: '4.22.0' },
    files: [['data/x.png', '1']],
    shard: { first: 0, count: 64 },
  };
  test.each<[JsonObject, string[]]>([
    [{ with: { bits: 4, nested: { lambda: 0.03 } } }, ['with.bits 3 → 4']],
    [{ with: { bits: 3, nested: { lambda: 0.05 } } }, ['with.nested.lambda 0.03 → 0.05']],
    [{ with: { nested: { lambda: 0.03 } } }, ['with.bits 3 → unset']],
    [{ version: 2 }, ['defense/tvm version 1 → 2']],
    [{ uses: 'defense/jpeg' }, ['defense/tvm → defense/jpeg']],
    [{ numerics: { backend: 'wasm', version: '4.22.0' } }, ['tensorflow → wasm']],
    [{ numerics: { backend: 'tensorflow', version: '4.23.0' } }, ['tensorflow version 4.22.0 → 4.23.0']],
    [{ inputs: { images: ['a', 'x', 'c', 'y'] } }, ['input images changed (2 of 4 shards)']],
    [{ inputs: { images: ['a'] } }, ['input images changed (4 → 1 shards)']],
    [{ inputs: { images: ['a', 'b', 'c', 'd'], model: ['m'] } }, ['input model added']],
    [{ files: [['data/x.png', '2']] }, ['file data/x.png changed']],
    [
      {
        files: [
          ['data/x.png', '1'],
          ['data/y.png', '1'],
        ],
      },
      ['file data/y.png is new'],
    ],
    [{ libraries: { source: 'abc' } }, ['the source of the plugin changed']],
    [{ libraries: { sharp: '0.36.0' } }, ['library sharp unset → 0.36.0']],
    [{ files: { count: 300, digest: 'x' } }, ['files changed (1 → 300)']],
    [{ shard: { first: 0, count: 16 } }, ['images 0–63 → 0–15']],
    [{ shard: { first: 0, count: 0 } }, ['images 0–63 → none']],
    [{}, []],
  ])('%j', (change, reasons) => {
    expect(explainDifference(base, { ...base, ...change })).toEqual(reasons);
  });
});
