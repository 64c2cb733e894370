/** The schema that editors complete pipelines with: the committed file, and the generator behind it. */
import { type TObject, Type } from '@sinclair/typebox';
import { Ajv, type ValidateFunction } from 'ajv';
import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it, vi } from 'vitest';
import { parse } from 'yaml';
import { pipelineJsonSchema } from '../../src/dsl/reference/json-schema.ts';
import type { StageSignature } from '../../src/dsl/signature.ts';
import { stages } from '../../src/stages/index.ts';
import type { JsonObject } from '../../src/values/json.ts';
import { pages, yamlBlocks } from '../yaml-blocks.ts';

const read = (path: string): string => readFileSync(path, 'utf8');
const committed = read('schemas/pipeline.schema.json');
const warn = vi.spyOn(console, 'warn');
const validate = compiled(JSON.parse(committed) as object);

function compiled(schema: object): ValidateFunction {
  return new Ajv({ strict: true, allowUnionTypes: true, allErrors: true }).compile(schema);
}

/** Ajv's errors as `/place message`, with the name of a property that is not allowed. */
function errorsOf(text: string, check: ValidateFunction = validate): readonly string[] {
  check(parse(text));
  return (check.errors ?? []).map(({ instancePath, message = '', params }) => {
    const { additionalProperty = '' } = params as { readonly additionalProperty?: string };
    return `${instancePath} ${message} ${additionalProperty}`.trim();
  });
}

describe('the committed schema', () => {
  it('compiles with plain Ajv in strict mode without a warning', () => {
    expect(warn).not.toHaveBeenCalled();
  });

  it('is smaller than 400 kB, because it refers to what it would otherwise repeat', () => {
    expect(committed.length).toBeLessThan(400_000);
  });

  it('takes every pipeline that comes with ravelin', () => {
    const files = readdirSync('pipelines').filter((name) => name.endsWith('.yaml'));
    expect(files.length).toBeGreaterThanOrEqual(2);
    const wrong = files.map((name) => ({ name, errors: errorsOf(read(`pipelines/${name}`)) }));
    expect(wrong.filter(({ errors }) => errors.length > 0)).toEqual([]);
  });

  it('takes every pipeline of the documentation, and the files that they include', () => {
    const blocks = pages.flatMap(yamlBlocks).filter(({ mark }) => mark === '');
    expect(blocks.length).toBeGreaterThanOrEqual(13);
    const wrong = blocks.map(({ page, line, text }) => ({ page, line, errors: errorsOf(text) }));
    expect(wrong.filter(({ errors }) => errors.length > 0)).toEqual([]);
  });

  it('takes the scalars of the field and requires nothing that a label may supply', () => {
    const text = `
ravelin: 1
params: { a: { type: number, default: 8/255 }, b: [1, 2/3], c: 4 }
shard: $(params.c)
resources: { memory: 6GiB, time: 30m }
stages:
  digits: { uses: dataset/mnist, with: { limit: 1_000, split: $(params.split) } }
  bad:
    in: { images: { from: digits, where: { x: 1, y: [a, true] }, collect: all }, model: [net, net.model] }
    with: { epsilon: 8/255 }
    matrix: { attack: { fgsm: { uses: attack/fgsm, with: { epsilon: 8/255 } }, plain: null }, x: [1, a], y: $(params.b), include: [{ attack: fgsm, x: 3, y: 1 }], exclude: [{ x: [1] }] }
    publish: { images: out.png }
defaults: { store: never, attack/fgsm: { with: { space: pixel } }, attack/*: { with: { any: 1 } } }
profiles: { smoke: { params: { c: 1 }, executor: slurm } }
`;
    expect(errorsOf(text)).toEqual([]);
  });
});

describe('the committed schema refuses', () => {
  const then = 'must match "then" schema';
  const notAllowed = 'must NOT have additional properties';

  // These are the errors of the schema before, which repeated everything instead of referring to it.
  it.each([
    [
      'a parameter that the stage type lacks',
      'stages: { a: { uses: attack/fgsm, with: { epsilom: 1 } } }',
      [`/stages/a/with ${notAllowed} epsilom`, `/stages/a ${then}`],
    ],
    [
      'an input that the stage type lacks',
      'stages: { a: { uses: attack/fgsm, in: { modle: network } } }',
      [`/stages/a/in ${notAllowed} modle`, `/stages/a ${then}`],
    ],
    [
      'a value out of range',
      'stages: { a: { uses: dataset/mnist, with: { limit: 0 } } }',
      [
        '/stages/a/with/limit must be >= 1',
        '/stages/a/with/limit must be string',
        '/stages/a/with/limit must be string',
        '/stages/a/with/limit must match a schema in anyOf',
        `/stages/a ${then}`,
      ],
    ],
    [
      'a wrong parameter in the patch of a label',
      'stages: { a: { matrix: { size: { small: { uses: model/cnn, with: { filter: [4] } } } } } }',
      [
        '/stages/a/matrix/size must be array',
        `/stages/a/matrix/size/small/with ${notAllowed} filter`,
        `/stages/a/matrix/size/small ${then}`,
        '/stages/a/matrix/size/small must be null',
        '/stages/a/matrix/size/small must match a schema in anyOf',
        '/stages/a/matrix/size must be string',
        '/stages/a/matrix/size must match a schema in anyOf',
      ],
    ],
    [
      'a wrong parameter in a row of matrix.include',
      'stages: { a: { matrix: { size: [s], include: [{ size: m, uses: model/cnn, with: { filter: [4] } }] } } }',
      [`/stages/a/matrix/include/0/with ${notAllowed} filter`, `/stages/a/matrix/include/0 ${then}`],
    ],
    [
      'an unknown key of a template',
      'templates: { t: { uses: attack/fgsm, steps: 3 } }',
      [`/templates/t ${notAllowed} steps`],
    ],
    [
      'a wrong parameter and a wrong setting under defaults',
      'defaults: { attack/fgsm: { with: { epsilom: 1 }, shard: 0 } }',
      [
        '/defaults/attack~1fgsm/shard must be >= 1',
        '/defaults/attack~1fgsm/shard must be string',
        '/defaults/attack~1fgsm/shard must be string',
        '/defaults/attack~1fgsm/shard must match a schema in anyOf',
        `/defaults/attack~1fgsm/with ${notAllowed} epsilom`,
      ],
    ],
    [
      'a wrong parameter in a stage of a profile',
      'profiles: { p: { stages: { a: { uses: attack/fgsm, with: { epsilom: 1 } } } } }',
      [`/profiles/p/stages/a/with ${notAllowed} epsilom`, `/profiles/p/stages/a ${then}`],
    ],
    [
      'a wrong parameter under the defaults of a profile',
      'profiles: { p: { defaults: { attack/fgsm: { with: { epsilom: 1 } } } } }',
      [`/profiles/p/defaults/attack~1fgsm/with ${notAllowed} epsilom`],
    ],
    [
      'a size and a duration without a unit',
      'resources: { memory: 6 apples, time: 30 }',
      [
        '/resources/memory must be number',
        String.raw`/resources/memory must match pattern "^\d[\d_]*(\.\d+)?\s*[kKMGT]?i?B$"`,
        String.raw`/resources/memory must match pattern "\$\("`,
        '/resources/memory must match a schema in anyOf',
        '/resources/time must be string',
        '/resources/time must be string',
        '/resources/time must match a schema in anyOf',
      ],
    ],
    ['an unknown key at the top', 'stage: {}', [`${notAllowed} stage`]],
  ])('%s', (_, text, errors) => {
    expect(errorsOf(`ravelin: 1\n${text}`)).toEqual(errors);
  });

  it('an unknown stage type', () => {
    expect(errorsOf('ravelin: 1\nstages: { a: { uses: attack/fsgm } }').at(-1)).toBe(
      '/stages/a/uses must match a schema in anyOf',
    );
  });
});

describe('the schema of a registry', () => {
  const plugin = (uses: string, parameters: TObject): StageSignature => ({
    uses,
    summary: 'of a plugin',
    with: parameters,
    in: { images: { kind: 'images', optional: false, list: false, description: '' } },
    out: { images: { kind: 'images', description: '' } },
    defaultOutput: 'images',
  });
  const strength = Type.Number({
    minimum: 0,
    maximum: 1,
    description: 'how strong the effect is, from 0 to 1',
  });
  const parameters = Type.Object({ strength, radius: Type.Optional(Type.Integer()) });
  const schema = pipelineJsonSchema(
    new Map(
      [
        ...stages.values(),
        plugin('defense/fog', parameters),
        plugin('defense/haze', Type.Object({ strength })),
      ].map((signature) => [signature.uses, signature]),
    ),
  );
  const definitions = schema['definitions'] as Readonly<Record<string, JsonObject>>;

  it('judges the stage types of plugins as it judges its own', () => {
    const check = compiled(schema);
    const stage = (text: string): readonly string[] =>
      errorsOf(`ravelin: 1\nstages: { a: { ${text} } }`, check);
    expect(stage('uses: defense/fog, in: { images: b }, with: { strength: 1/2, radius: 3 }')).toEqual([]);
    expect(stage('uses: defense/haze, with: { radius: 3 }')).toEqual([
      '/stages/a/with must NOT have additional properties radius',
      '/stages/a must match "then" schema',
    ]);
    expect(errorsOf('ravelin: 1\nstages: { a: { uses: defense/fog } }')).not.toEqual([]);
  });

  it('writes a parameter that several types declare alike once', () => {
    const shared = { $ref: '#/definitions/strength%20of%20defense~1fog' };
    expect(definitions['strength of defense/fog']).toMatchObject({ description: strength.description! });
    expect(definitions['with defense/fog']).toMatchObject({ properties: { strength: shared } });
    expect(definitions['with defense/haze']).toMatchObject({ properties: { strength: shared } });
  });

  it('refers only to definitions that it has', () => {
    const names = [...JSON.stringify(schema).matchAll(/"\$ref":"#\/definitions\/([^"]*)"/g)].map(([, name]) =>
      decodeURIComponent(name!).replaceAll('~1', '/').replaceAll('~0', '~'),
    );
    expect(names.filter((name) => !Object.hasOwn(definitions, name))).toEqual([]);
    expect(Object.keys(definitions).filter((name) => !names.includes(name))).toEqual([]);
  });
});
