import type { JsonObject } from '../../values/json.ts';
import { builtInExecutors } from '../schema/executor-schema.ts';
import type { JsonSchema } from '../schema/json-schema-types.ts';
import {
  frameSchema,
  paramSchema,
  patchKeys,
  profileSchema,
  settingKeys,
  stageSchema,
  typeDefaultsSchema,
} from '../schema/pipeline-schema.ts';
import type { SignatureRegistry, StageSignature } from '../signature.ts';
import { about, definition, loosen, loosenAll, textDefinitions } from './loosen.ts';

/**
 * One self-contained JSON Schema (draft-07, no extensions) for editors and other programs. It discriminates
 * `with` and `in` on `uses`, takes the scalars of the field (`8/255`, `6GiB`, `$(…)`) wherever numbers stand,
 * and requires nothing that a template or a label of the matrix may still supply. `ravelin validate` judges
 * the rest.
 *
 * A part that stands in several places is a definition that the others refer to, so a stage type adds its
 * parameters once.
 */
export function pipelineJsonSchema(registry: SignatureRegistry): JsonObject {
  const signatures = [...registry.values()].sort((a, b) => (a.uses < b.uses ? -1 : 1));
  const frame = frameSchema.properties as Readonly<Record<string, JsonSchema>>;
  const profile = profileSchema.properties as Readonly<Record<string, JsonSchema>>;
  return {
    $schema: 'http://json-schema.org/draft-07/schema#',
    title: 'ravelin pipeline',
    type: 'object',
    required: ['ravelin'],
    additionalProperties: false,
    properties: {
      ...membersOf(frame),
      executor: definition('executor'),
      params: describedMap(frame['params'], definition('param')),
      templates: describedMap(frame['templates'], definition('stage')),
      stages: describedMap(frame['stages'], definition('stage')),
      defaults: definition('defaults'),
      profiles: describedMap(frame['profiles'], definition('profile')),
    },
    definitions: {
      ...textDefinitions,
      label: { anyOf: [{ type: 'string' }, { type: 'number' }, { type: 'boolean' }] },
      uses: usesSchema(signatures),
      source: sourceSchema,
      param: paramDefinition(),
      matrix: matrixSchema,
      executor: executorDefinition(frame['executor']),
      ...loosenAll(settings),
      defaults: defaultsSchema(frame['defaults'], signatures),
      patch: partOfStage(patchKeys, {}),
      row: partOfStage(patchKeys, definition('label')),
      stage: partOfStage(Object.keys(stageSchema.properties), false),
      profile: {
        type: 'object',
        additionalProperties: false,
        properties: {
          ...membersOf(profile),
          executor: definition('executor'),
          defaults: definition('defaults'),
          stages: { type: 'object', additionalProperties: definition('stage') },
        },
      },
      'by type': byTypeSchema(signatures),
      ...parameterDefinitions(signatures),
      ...Object.fromEntries(signatures.map((signature) => [`in ${signature.uses}`, inputsSchema(signature)])),
    },
  };
}

/** The schemas of settings, which stand at the top, in profiles, in stages and under `defaults:`. */
const settings = Object.fromEntries(
  Object.entries(typeDefaultsSchema.properties as Readonly<Record<string, JsonSchema>>).filter(([key]) =>
    settingKeys.includes(key),
  ),
);

/** The members of an object as loose schemas. Settings are definitions. */
function membersOf(properties: Readonly<Record<string, JsonSchema>>): Record<string, JsonObject> {
  const members = Object.entries(properties).map(([key, schema]) => [
    key,
    settings[key] === undefined ? loosen(schema) : definition(key),
  ]);
  return Object.fromEntries(members) as Record<string, JsonObject>;
}

function describedMap(schema: JsonSchema | undefined, member: JsonObject): JsonObject {
  return { type: 'object', ...about(schema), additionalProperties: member };
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
  description: 'where an input comes from: stage, stage.output, { from, where, collect } or a list of these',
  anyOf: [
    { type: 'string' },
    {
      type: 'object',
      required: ['from'],
      additionalProperties: false,
      properties: {
        from: { type: 'string', description: 'stage or stage.output' },
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
        label: {
          type: 'object',
          description: 'labels for the items of a list, so that a report can distinguish its sources',
          additionalProperties: { $ref: '#/definitions/label' },
        },
        collect: {
          description: 'axes whose cells are read together, as one list',
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
  const members = membersOf(settings);
  const forType = (withSchema: JsonObject): JsonObject => ({
    type: 'object',
    additionalProperties: false,
    properties: { ...members, with: withSchema },
  });
  return {
    type: 'object',
    ...about(schema),
    properties: {
      ...members,
      ...Object.fromEntries(signatures.map(({ uses }) => [uses, forType(definition(`with ${uses}`))])),
    },
    additionalProperties: forType({ type: 'object' }),
  };
}

/** A stage, or what a label may change of it; `others` judges further keys. */
function partOfStage(keys: readonly string[], others: JsonObject | false): JsonObject {
  const all = membersOf(stageSchema.properties as Readonly<Record<string, JsonSchema>>);
  const special: Readonly<Record<string, JsonObject>> = {
    uses: definition('uses'),
    matrix: definition('matrix'),
  };
  const strict = others === false || Object.keys(others).length === 0;
  return {
    type: 'object',
    properties: Object.fromEntries(keys.map((key) => [key, special[key] ?? all[key] ?? {}])),
    additionalProperties: strict ? false : others,
    allOf: [definition('by type')],
  };
}

/** Judges `with` and `in` by `uses`, in a stage and in a part of one. */
function byTypeSchema(signatures: readonly StageSignature[]): JsonObject {
  return {
    allOf: signatures.map(({ uses }) => ({
      if: { type: 'object', required: ['uses'], properties: { uses: { const: uses } } },
      then: {
        type: 'object',
        properties: { with: definition(`with ${uses}`), in: definition(`in ${uses}`) },
      },
    })),
  };
}

/** A shorter schema is not worth a definition, because a reference to it would be as long. */
const shortest = 100;

/**
 * The parameters of each type, as `with attack/fgsm`. If several types declare a parameter alike, as most
 * models declare `classes`, it is a definition that is named after the first of them: `classes of
 * model/densenet121`.
 */
function parameterDefinitions(signatures: readonly StageSignature[]): JsonObject {
  const types = signatures.map(({ uses, with: schema }) => ({
    uses,
    schema: loosen({ ...schema, properties: {} } as JsonSchema),
    parameters: Object.entries(loosenAll(schema.properties as Readonly<Record<string, JsonSchema>>)).map(
      ([name, parameter]) => ({ name, parameter, text: `${name} ${JSON.stringify(parameter)}` }),
    ),
  }));
  const owners = new Map<string, string[]>();
  for (const { uses, parameters } of types) {
    for (const { text } of parameters) owners.set(text, [...(owners.get(text) ?? []), uses]);
  }
  const shared: Record<string, JsonObject> = {};
  const own: Record<string, JsonObject> = {};
  for (const { uses, schema, parameters } of types) {
    const properties: Record<string, JsonObject> = {};
    for (const { name, parameter, text } of parameters) {
      const [first = uses, ...others] = owners.get(text) ?? [];
      const title = `${name} of ${first}`;
      const isShared = others.length > 0 && text.length > shortest;
      if (isShared) shared[title] = parameter;
      properties[name] = isShared ? definition(title) : parameter;
    }
    own[`with ${uses}`] = { ...schema, properties };
  }
  return { ...shared, ...own };
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
