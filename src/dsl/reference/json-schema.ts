import type { Json, JsonObject } from '../../values/json.ts';
import { isNumeric } from '../schema/convert.ts';
import type { JsonSchema } from '../schema/json-schema-types.ts';
import {
  builtInExecutors,
  frameSchema,
  paramSchema,
  patchKeys,
  profileSchema,
  settingKeys,
  stageSchema,
  typeDefaultsSchema,
} from '../schema/pipeline-schema.ts';
import type { SignatureRegistry, StageSignature } from '../signature.ts';

/**
 * One self-contained JSON Schema (draft-07, no extensions) for editors and other programs. It discriminates `with` and
 * `in` on `uses`, takes the scalars of the field (`8/255`, `6GiB`, `$(…)`) wherever numbers stand, and requires nothing
 * that a template or a label of the matrix may still supply. What it lets through, `ravelin validate` judges.
 */
export function pipelineJsonSchema(registry: SignatureRegistry): JsonObject {
  const signatures = [...registry.values()].sort((a, b) => (a.uses < b.uses ? -1 : 1));
  const frame = frameSchema.properties as Readonly<Record<string, JsonSchema>>;
  return {
    $schema: 'http://json-schema.org/draft-07/schema#',
    title: 'ravelin pipeline',
    type: 'object',
    required: ['ravelin'],
    additionalProperties: false,
    properties: {
      ...loosenAll(frame),
      executor: definition('executor'),
      params: describedMap(frame['params'], definition('param')),
      templates: describedMap(frame['templates'], definition('stage')),
      stages: describedMap(frame['stages'], definition('stage')),
      defaults: defaultsSchema(frame['defaults'], signatures),
      profiles: describedMap(frame['profiles'], definition('profile')),
    },
    definitions: {
      reference: {
        type: 'string',
        pattern: referencePattern,
        description: 'a reference: $(params.x), $(axes.x), $(env.X), $(name)',
      },
      label: { anyOf: [{ type: 'string' }, { type: 'number' }, { type: 'boolean' }] },
      uses: usesSchema(signatures),
      source: sourceSchema,
      param: paramDefinition(),
      matrix: matrixSchema,
      executor: executorDefinition(frame['executor']),
      patch: partOfStage(patchKeys, signatures, {}),
      row: partOfStage(patchKeys, signatures, definition('label')),
      stage: partOfStage(Object.keys(stageSchema.properties), signatures, false),
      profile: {
        type: 'object',
        additionalProperties: false,
        properties: {
          ...loosenAll(profileSchema.properties as Readonly<Record<string, JsonSchema>>),
          executor: definition('executor'),
          defaults: defaultsSchema(frame['defaults'], signatures),
          stages: { type: 'object', additionalProperties: definition('stage') },
        },
      },
      ...Object.fromEntries(
        signatures.map((signature) => [`with ${signature.uses}`, loosen(signature.with as JsonSchema)]),
      ),
      ...Object.fromEntries(signatures.map((signature) => [`in ${signature.uses}`, inputsSchema(signature)])),
    },
  };
}

const referencePattern = String.raw`\$\(`;

function definition(name: string): JsonObject {
  return { $ref: `#/definitions/${encodeURIComponent(name.replaceAll('~', '~0').replaceAll('/', '~1'))}` };
}

function describedMap(schema: JsonSchema | undefined, member: JsonObject): JsonObject {
  return { type: 'object', ...about(schema), additionalProperties: member };
}

function about(schema: JsonSchema | undefined): JsonObject {
  return schema?.description === undefined ? {} : { description: schema.description };
}

function usesSchema(signatures: readonly StageSignature[]): JsonObject {
  return {
    description: 'stage type',
    anyOf: [
      ...signatures.map(({ uses, summary }) => ({ const: uses, type: 'string', description: summary })),
      definition('reference'),
    ],
  };
}

const sourceSchema: JsonObject = {
  description: 'where an input comes from: stage, stage.port, { from, where, collect } or a list of these',
  anyOf: [
    { type: 'string' },
    {
      type: 'object',
      required: ['from'],
      additionalProperties: false,
      properties: {
        from: { type: 'string', description: 'stage or stage.port' },
        where: {
          type: 'object',
          description: 'labels to select; one label drops its axis, a list keeps it',
          additionalProperties: {
            anyOf: [
              { $ref: '#/definitions/label' },
              { type: 'array', items: { $ref: '#/definitions/label' } },
            ],
          },
        },
        collect: {
          description: 'axes to fan in over: the value is then a list',
          anyOf: [
            { const: 'all', type: 'string' },
            { type: 'string' },
            { type: 'array', minItems: 1, items: { type: 'string' } },
          ],
        },
      },
    },
    { type: 'array', items: { $ref: '#/definitions/source' } },
  ],
};

const matrixSchema: JsonObject = {
  type: 'object',
  description: 'axes: a list of labels, or a map from label to a patch of the stage',
  properties: {
    include: {
      type: 'array',
      description: 'further rows: a label for every axis, and changes',
      items: { $ref: '#/definitions/row' },
    },
    exclude: {
      type: 'array',
      description: 'rows to leave out',
      items: {
        type: 'object',
        additionalProperties: {
          anyOf: [{ $ref: '#/definitions/label' }, { type: 'array', items: { $ref: '#/definitions/label' } }],
        },
      },
    },
  },
  additionalProperties: {
    anyOf: [
      { type: 'array', items: { $ref: '#/definitions/label' } },
      {
        type: 'object',
        additionalProperties: { anyOf: [{ $ref: '#/definitions/patch' }, { type: 'null' }] },
      },
      { $ref: '#/definitions/reference' },
    ],
  },
};

function paramDefinition(): JsonObject {
  return {
    anyOf: [
      loosen(paramSchema as JsonSchema),
      { type: 'string' },
      { type: 'number' },
      { type: 'boolean' },
      { type: 'null' },
      { type: 'array' },
    ],
  };
}

function executorDefinition(schema: JsonSchema | undefined): JsonObject {
  const names = {
    anyOf: [...builtInExecutors.map((name) => ({ const: name, type: 'string' })), definition('reference')],
  };
  return {
    ...about(schema),
    anyOf: [names, { type: 'object', required: ['uses'], properties: { uses: names } }],
  };
}

function defaultsSchema(schema: JsonSchema | undefined, signatures: readonly StageSignature[]): JsonObject {
  const typed = typeDefaultsSchema.properties as Readonly<Record<string, JsonSchema>>;
  const settings = Object.fromEntries(settingKeys.map((key) => [key, loosen(typed[key] ?? {})]));
  const forType = (withSchema: JsonObject): JsonObject => ({
    type: 'object',
    additionalProperties: false,
    properties: { ...settings, with: withSchema },
  });
  return {
    type: 'object',
    ...about(schema),
    properties: {
      ...settings,
      ...Object.fromEntries(signatures.map(({ uses }) => [uses, forType(definition(`with ${uses}`))])),
    },
    additionalProperties: forType({ type: 'object' }),
  };
}

/** A stage, or what a label may change of it; `others` judges further keys. */
function partOfStage(
  keys: readonly string[],
  signatures: readonly StageSignature[],
  others: JsonObject | false,
): JsonObject {
  const all = loosenAll(stageSchema.properties as Readonly<Record<string, JsonSchema>>);
  const special: Readonly<Record<string, JsonObject>> = {
    uses: definition('uses'),
    matrix: definition('matrix'),
  };
  const strict = others === false || Object.keys(others).length === 0;
  return {
    type: 'object',
    properties: Object.fromEntries(keys.map((key) => [key, special[key] ?? all[key] ?? {}])),
    additionalProperties: strict ? false : others,
    allOf: signatures.map(({ uses }) => ({
      if: { type: 'object', required: ['uses'], properties: { uses: { const: uses } } },
      then: {
        type: 'object',
        properties: { with: definition(`with ${uses}`), in: definition(`in ${uses}`) },
      },
    })),
  };
}

function inputsSchema(signature: StageSignature): JsonObject {
  const ports = Object.entries(signature.in).map(([port, { kind, list, optional, description }]) => {
    const takes = `${list ? 'a list of ' : ''}${kind}${optional ? ', optional' : ''}`;
    return [
      port,
      { description: description === '' ? takes : `${takes}: ${description}`, allOf: [definition('source')] },
    ];
  });
  return { type: 'object', additionalProperties: false, properties: Object.fromEntries(ports) as JsonObject };
}

function loosenAll(properties: Readonly<Record<string, JsonSchema>>): Record<string, JsonObject> {
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

const unitPatterns: Readonly<Record<string, string>> = {
  bytes: String.raw`^\d[\d_]*(\.\d+)?\s*[kKMGT]?i?B$`,
  duration: String.raw`^(\d[\d_]*(\.\d+)?(ms|[smhd])\s*)+$`,
};
const fractionPattern = String.raw`^[-+]?[\d_.]+([eE][-+]?\d+)?(\s*/\s*[-+]?[\d_.]+([eE][-+]?\d+)?)?$`;

/** A schema that also takes how values are written before the program reads them. Nothing is required. */
function loosen(schema: JsonSchema): JsonObject {
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
    const text = { type: 'string', pattern: unitPatterns[schema.unit ?? ''] ?? fractionPattern };
    const plain = { type: schema.type as string, ...limits };
    return {
      ...notes,
      anyOf:
        schema.unit === 'duration' ? [text, definition('reference')] : [plain, text, definition('reference')],
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
