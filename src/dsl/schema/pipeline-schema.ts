import { type Static, Type } from '@sinclair/typebox';
import { executorShape } from './executor-schema.ts';

/**
 * The frame of a pipeline file. Stage parameters are judged by the schemas of the stage types, `in` and
 * `matrix` by hand.
 */

/** The values of `backend:`, which are also those of `--backend`. */
export const backendChoices = ['auto', 'wasm', 'tensorflow', 'webgpu'] as const;

const ids = {
  pattern: '^[A-Za-z_][A-Za-z0-9_-]*$',
  patternSays: 'a name of letters, digits, - and _ that does not begin with a digit or -',
};

const words = (values: readonly string[], description: string) =>
  Type.Union(
    values.map((value) => Type.Literal(value)),
    { description },
  );

export const resourcesSchema = Type.Object(
  {
    gpu: Type.Optional(
      Type.Union(
        [
          Type.Integer({ minimum: 0, description: 'number of GPUs' }),
          Type.String({
            pattern: '^[A-Za-z0-9_][A-Za-z0-9_.-]*:[0-9]+$',
            patternSays: 'a kind of GPU and a number, such as 1g.10gb:1',
            description: 'kind and number of GPUs, as Slurm has them after gpu:',
          }),
        ],
        { description: 'number of GPUs, or kind and number as Slurm has them: a100:2, 1g.10gb:1' },
      ),
    ),
    memory: Type.Optional(
      Type.Number({ minimum: 0, unit: 'bytes', description: 'memory of a worker, e.g. 6GiB' }),
    ),
    time: Type.Optional(
      Type.Number({ minimum: 0, unit: 'duration', description: 'longest time of a shard, e.g. 30m' }),
    ),
  },
  { description: 'what a shard needs; not part of a key' },
);

const retryMax = Type.Integer({ minimum: 0, maximum: 100, description: 'retries after the first try' });
const retryCause = words(['out-of-memory', 'crash', 'preempted', 'io'], 'a cause of failure');
export const retrySchema = Type.Union(
  [
    retryMax,
    Type.Object({
      max: Type.Optional(retryMax),
      on: Type.Optional(Type.Array(retryCause, { description: 'causes that are worth another try' })),
    }),
  ],
  { description: 'how often and after what a failed shard is tried again; not part of a key' },
);

/** Settings of a stage, of all stages (top level, `defaults:`) or of a stage type. */
export const settingSchemas = {
  shard: Type.Optional(
    Type.Integer({
      minimum: 1,
      maximum: 1_000_000,
      description: 'images in a shard (64); not part of a key',
    }),
  ),
  onError: Type.Optional(
    words(['stop', 'continue'], 'after a failed cell: stop, or go on with what does not need it'),
  ),
  retry: Type.Optional(retrySchema),
  resources: Type.Optional(resourcesSchema),
};
const store = Type.Optional(
  words(['auto', 'always', 'never'], 'whether the result is kept; today every result is'),
);

const text = (description: string) => Type.Optional(Type.String({ description }));
const section = (description: string) =>
  Type.Optional(Type.Object({}, { additionalProperties: true, description }));
const names = (description: string) =>
  Type.Optional(
    Type.Union([Type.String({ minLength: 1 }), Type.Array(Type.String({ minLength: 1 }))], { description }),
  );

const seed = (description: string) =>
  Type.Integer({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER, description });

/** The key of a stage that may differ from cell to cell beside its parameters. */
export const seedSchema = Type.Object({ seed: seed("the stage's own part of the seed") });

/** The keys of a stage, a template and a stage of a profile. */
export const stageSchema = Type.Object({
  uses: Type.Optional(Type.String({ minLength: 1, description: 'stage type, e.g. attack/fgsm' })),
  extends: names('templates whose parts this stage takes over, later ones over earlier ones'),
  title: text('name for people, in reports and the dashboard'),
  description: text('what the stage is for'),
  in: section('inputs: name → stage, stage.output, or {from, where, collect}'),
  with: section('parameters of the stage type'),
  seed: Type.Optional(
    seed("own part of the seed of its random numbers (0); '$(axes.seed)' repeats the stage over an axis"),
  ),
  matrix: section('axes: one cell of the stage for each combination of labels'),
  publish: Type.Optional(
    Type.Union([Type.String(), Type.Array(Type.Unknown()), Type.Object({}, { additionalProperties: true })], {
      description:
        'files under the project to which outputs are copied: a path, a list of paths, or port: path',
    }),
  ),
  store,
  ...settingSchemas,
});

/** The keys that a label of an axis or a row of `matrix.include` may change. */
export const patchSchema = Type.Object({
  uses: stageSchema.properties.uses,
  in: stageSchema.properties.in,
  with: stageSchema.properties.with,
});
export const patchKeys: readonly string[] = Object.keys(patchSchema.properties);

/** `defaults:` for all stages; its other keys are stage types or patterns such as `attack/*`. */
export const defaultSettingsSchema = Type.Object({ ...settingSchemas, store });
export const settingKeys: readonly string[] = Object.keys(defaultSettingsSchema.properties);

/** A patch for the stages of one type, or of the types that a pattern names. */
export const typeDefaultsSchema = Type.Object({
  with: stageSchema.properties.with,
  ...settingSchemas,
  store,
});

const shared = {
  description: text('what the pipeline is for'),
  params: section('values that the command line and profiles can set'),
  env: Type.Optional(
    Type.Union([Type.Array(Type.String()), Type.Object({}, { additionalProperties: true })], {
      description: 'environment variables that $(env.X) may read: names, or name: default',
    }),
  ),
  include: names('files whose params, templates, defaults, stages and profiles become part of this one'),
  templates: section('shared parts of stages, taken over with extends:'),
  defaults: section('settings for all stages, and patches by stage type: attack/fgsm, attack/*'),
  stages: section('the stages by name'),
  profiles: section('named changes to the pipeline, chosen with -p'),
};

const frameOnly = {
  name: Type.Optional(Type.String({ ...ids, description: 'name of the pipeline (that of the file)' })),
  seed: Type.Optional(seed('seed of all random numbers (0)')),
  executor: Type.Optional(executorShape),
  backend: Type.Optional(
    words(
      backendChoices,
      'tensor backend to compute on; auto keeps that of the last run; --backend is stronger',
    ),
  ),
  plugins: Type.Optional(
    Type.Array(Type.String({ minLength: 1 }), {
      description: 'npm packages or modules of the project with more stage types',
    }),
  ),
  numerics: Type.Optional(
    words(
      ['separate', 'shared', 'tf32'],
      'whether tensor backends share their results (shared) or not (separate); tf32: as separate, and products with 10 bits on NVIDIA GPUs',
    ),
  ),
  ...settingSchemas,
};

const version = Type.Literal(1, { description: 'version of the pipeline language' });

export const frameSchema = Type.Object({ ravelin: version, ...frameOnly, ...shared });

/**
 * The frame of an included file, which adds parts. Keys for the whole pipeline belong to the file that
 * includes it.
 */
export const includedSchema = Type.Object({ ravelin: version, ...shared });

export const profileSchema = Type.Object({
  description: shared.description,
  params: shared.params,
  defaults: shared.defaults,
  stages: section('changes to stages of the pipeline'),
  seed: frameOnly.seed,
  executor: frameOnly.executor,
  backend: frameOnly.backend,
  numerics: frameOnly.numerics,
  ...settingSchemas,
});

export const paramTypes = ['integer', 'number', 'string', 'boolean', 'list'] as const;

/** The long form of a param. */
export const paramSchema = Type.Object({
  type: Type.Optional(words(paramTypes, 'type of the value')),
  default: Type.Optional(Type.Unknown({ description: 'value unless set; a param without one must be set' })),
  minimum: Type.Optional(Type.Number()),
  maximum: Type.Optional(Type.Number()),
  enum: Type.Optional(
    Type.Array(Type.Union([Type.Number(), Type.String(), Type.Boolean()]), { minItems: 1 }),
  ),
  description: text('what it means, with its unit'),
});
export type ParamText = Static<typeof paramSchema>;
