import { Kind, type Static, type TObject } from '@sinclair/typebox';
import type { AxisLabel } from '../dsl/graph.ts';
import type { InputPort, KnownInputs, OutputPort, StageSignature } from '../dsl/signature.ts';
import type { ParameterProblem, ReadFile } from '../dsl/signature.ts';
import type { Json, JsonObject } from '../values/json.ts';
import type { CellParts, Part, PartOutput } from './cell-parts.ts';
import type { BatchSizes } from '../values/batch-size.ts';
import type { ImageLabels, ImageRows } from '../values/image-rows.ts';
import type { Outline, OutlineContext } from '../values/outline.ts';
import type { PortKind, Value, ValueOf } from '../values/value.ts';
import type { Checkpoint } from './checkpoint.ts';
import type { Printed } from './printed.ts';
import { DeclarationError } from './stage-errors.ts';

export type { Caveat, Facts } from '../dsl/signature.ts';
export type { CellParts, Checkpoint, KnownInputs, ParameterProblem, Part, PartOutput, ReadFile };
export { noCheckpoint, PausedError } from './checkpoint.ts';
export { nothingPrinted, type Printed } from './printed.ts';
export { DeclarationError, StageError } from './stage-errors.ts';

/**
 * A stage type: a declaration that costs nothing to load, and a `run` that imports its mathematics when
 * called.
 */
export interface Stage extends StageSignature {
  /** Raise when the numbers it produces change: old cache entries then miss. */
  readonly version: number;
  /** The version for some parameters, if a change of the numbers concerned only these; `version` for others if undefined. */
  readonly versionWith?: (params: never) => number | undefined;
  readonly in: Readonly<Record<string, InputPort & { readonly kind: PortKind | 'any' }>>;
  readonly out: Readonly<Record<string, OutputPort & { readonly kind: PortKind }>>;
  /**
   * `images`: output shard i needs shard i of the per-image inputs and all of the others. `whole`: there is
   * one unit.
   */
  readonly shard: (params: never) => 'images' | 'whole';
  /**
   * Whether the stage uses `context.seed`; the seeds are then part of the key. `draws` says whether an input
   * comes from stages that draw, for a stage that goes through a randomised defense.
   */
  readonly randomness: (params: never, draws: (port: string) => boolean) => boolean;
  /**
   * A defense that is cheap to compute and large to store. Unless `store: always` is set, its output `images`
   * is left to consumers with `appliesTransform` (`plan/on-the-fly.ts`).
   */
  readonly onTheFly: boolean;
  /**
   * Whether `images` and a `transform` give the same as the images that the transform's own stage makes of
   * them.
   */
  readonly appliesTransform: boolean;
  /**
   * Whether the stage computes on the tensor backend; the backend's numeric identity is then part of the key.
   */
  readonly device: boolean;
  /**
   * Whether a task goes to a worker with a GPU, if only some have one, though its result is the same on any backend, whose identity
   * is therefore not part of the key. Tasks of a stage with `device` always do.
   */
  readonly usesDevice?: (params: never) => boolean;
  /** Facts of the run that the stage prints, and that are then part of its key; none if absent. `axes` are those whose labels it needs. */
  readonly prints?: (params: never) => { readonly backend?: boolean; readonly axes?: readonly string[] };
  /** npm packages whose versions decide the numbers (`sharp`); their versions are then part of the key. */
  readonly libraries: readonly string[];
  /**
   * Digest of the source of the plugin that brought the stage, which is part of the key; absent for built-in
   * stages.
   */
  readonly source?: string;
  /** How the project names the plugin that brought the stage: for messages, and never part of a key. */
  readonly plugin?: string;
  /**
   * Parameters of a sharded stage that only say how many images there are (`limit`). Image i is the same for
   * all of their values, so they stay out of the key, which has the range of the shard: a larger limit
   * computes only the new images.
   */
  readonly extent?: readonly string[];
  /** Values of optional parameters that mean the same as their absence, so that they stay out of the key too. */
  readonly unset?: Readonly<Record<string, string | number | boolean>>;
  readonly survey?: (context: SurveyContext<never>) => Promise<Survey>;
  /** The number of images that a survey would find, from the parameters alone, for estimates; null if they do not say. */
  readonly declaredImages?: (params: never) => number | null;
  /**
   * Says what a unit does and makes, from the parameters and what is known of the inputs, for estimates of cost before a run
   * (`plan --cost`). It reads no data. Returns null if the parameters do not say. A stage without one is estimated from its
   * own measured units alone.
   */
  readonly outline?: (context: OutlineContext<never>) => Outline | null | Promise<Outline | null>;
  /** How a cell is divided into cells of its own, whose results other cells and later runs share. */
  readonly parts?: StageParts;
  /** The stage type that this is a part of; the part then draws from the random numbers of that one. */
  readonly partOf?: string;
  readonly run: (context: StageContext<never, never>) => Promise<Readonly<Record<string, Value>>>;
}

export type StageRegistry = ReadonlyMap<string, Stage>;

/** The division of a stage's cells into parts, which `runtime/plan/parts.ts` puts into the graph. */
export interface StageParts {
  /** The stage types of the parts; `uses` of part `probe` of `attack/fgsm` is `attack/fgsm/probe`. */
  readonly stages: Readonly<Record<string, Stage>>;
  /** The parts of a cell with these parameters; null if it is computed as one. */
  readonly of: (params: never) => CellParts | null;
}

/** An input that is read one object after the other, as often as it is iterated. */
export type Streamed<V extends Value = Value> = Iterable<V>;

/**
 * Context of the survey of a stage that reads files, while a plan is made. The survey only looks at what is
 * there.
 */
export interface SurveyContext<P> {
  readonly params: P;
  /** Makes a path of the pipeline absolute. Throws a `StageError` if it leaves the project root. */
  readonly resolve: (path: string) => string;
  readonly resolveCode: ResolveCode;
}

/**
 * Makes the path of a module that is not JavaScript absolute, and finds the root of the project. Throws a `StageError`
 * unless package.json allows that code, the project is trusted on this machine, and the pipeline names `program`, the interpreter: a value
 * that comes from a cache decides none of them.
 */
export type ResolveCode = (path: string, program: string) => { readonly path: string; readonly root: string };

export interface Survey {
  /** Number of images that the stage will produce; undefined if it produces none. */
  readonly images?: number;
  /**
   * Absolute paths of the files that decide the images `first … first + count − 1`. Their digests are part of
   * the key.
   */
  readonly files: (first: number, count: number) => readonly string[];
  /**
   * Facts that the survey found about the images `first … first + count − 1` that their files do not say, such as
   * labels that follow from which folders there are. It is part of the key, and none if absent.
   */
  readonly facts?: (first: number, count: number) => Json;
  /** The outline of a stage whose files decide it, such as one that reads a network; null if they cannot be read. */
  readonly outline?: () => Promise<Outline | null>;
}

export interface Collected<V extends Value = Value> {
  readonly axes: Readonly<Record<string, AxisLabel>>;
  readonly value: V;
}

export interface StageContext<P, I> {
  readonly params: P;
  /**
   * Decoded inputs by port, cut to this shard if the stage is sharded. An optional port that is not
   * connected is absent.
   */
  readonly inputs: I;
  /** The images to make or transform; `{first: 0, count: all}` for a whole stage. */
  readonly shard: { readonly first: number; readonly count: number };
  /** Key of all randomness: 64 bits from the pipeline's seed, the type of the stage and its own `seed:`. */
  readonly seed: readonly [high: number, low: number];
  /** Name of the tensor backend to compute on. */
  readonly backend: string;
  /** Facts of the run that the stage prints, as they are in the key. */
  readonly printed: Printed;
  /** Decides how many images the stage computes at a time. */
  readonly batchSizes: BatchSizes;
  /** Versions of the stage's `libraries`, and `source` for a stage of a plugin, as they are in the key. */
  readonly libraries: Readonly<Record<string, string>>;
  /** Every stage type of the run by `uses`: how the steps of a recipe find their defense. */
  readonly stages: StageRegistry;
  readonly resolve: (path: string) => string;
  readonly resolveCode: ResolveCode;
  readonly signal: AbortSignal;
  readonly progress: (done: number, total: number, unit: string) => void;
  /** A live number, such as the accuracy after an epoch: shown, stored in the ledger, never cached. */
  readonly metric: (name: string, value: number, axes?: Readonly<Record<string, AxisLabel>>) => void;
  /**
   * A live number of this shard, such as its passes: what is shown and stored is the sum over the shards of the cell that
   * the run computes. Called once for each name.
   */
  readonly count: (name: string, value: number) => void;
  readonly log: (message: string) => void;
  /** Shown to the user and repeated in the summary. */
  readonly warn: (message: string) => void;
  readonly checkpoint: Checkpoint;
}

/**
 * Checks what a maker of stages takes apart, so that it cannot be checked on the stage: the code of a plugin
 * may be JavaScript. `parts` are the functions that it needs. Throws `DeclarationError`.
 */
export function checkDeclaration(
  maker: string,
  declaration: Readonly<Record<string, unknown>>,
  parts: Readonly<Record<string, boolean>>,
): void {
  const { uses } = declaration;
  if (typeof uses !== 'string')
    throw new DeclarationError(`${maker} is given no name`, "write uses: 'FOLDER/NAME'");
  const { with: given = {} } = declaration;
  if (!isRecord(given) || Kind in given) {
    const what = isRecord(given) ? `a Type.${String(given[Kind])}` : JSON.stringify(given);
    throw new DeclarationError(
      `the 'with' of ${uses} is ${what}, but ${maker} takes the properties, not a Type.Object`,
      "write the properties alone: with: { steps: Type.Integer({ description: '…' }) }, or with: {}",
    );
  }
  for (const [name, property] of Object.entries(given)) {
    if (isRecord(property) && Kind in property) continue;
    throw new DeclarationError(
      `the parameter '${name}' of ${uses} is not a TypeBox schema`,
      `write ${name}: Type.Number({ description: '…' }), with Type from 'ravelin'`,
    );
  }
  for (const [name, isThere] of Object.entries(parts)) {
    if (isThere) continue;
    throw new DeclarationError(`${uses} has no function '${name}'`, `write ${maker}({ …, ${name}: … })`);
  }
}

function isRecord(value: unknown): value is Readonly<Record<string | symbol, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** The part of an output that declares the names in its metrics. */
type MetricNames = Pick<OutputPort, 'axes' | 'values' | 'valuesWith' | 'caveats' | 'facts' | 'formats'>;

export interface Port<K extends PortKind | 'any', Optional extends boolean, List extends boolean>
  extends InputPort, MetricNames {
  readonly kind: K;
  readonly optional: Optional;
  readonly list: List;
}

/** Declares an input of a part that is read as a stream. */
export function streamedPort<K extends PortKind, O extends boolean = false>(
  kind: K,
  optional: O = false as O,
): StreamedPort<K, O> {
  return { kind, optional, list: false, access: 'stream', description: '' };
}

type Accessed<K extends PortKind, O extends boolean, A extends InputPort['access']> = Port<K, O, false> & {
  readonly access: A;
};
type StreamedPort<K extends PortKind, O extends boolean> = Accessed<K, O, 'stream'>;

/** Declares an input of images whose pixels are read row by row, when the stage asks for them. */
export function rowsPort<P extends Pick<PortOptions, 'description' | 'optional'>>(
  options: P,
): Accessed<'images', Flag<P, 'optional'>, 'rows'> {
  return { ...port('images', options), list: false, access: 'rows' };
}

/** Declares an input of images of which the stage needs the labels and ids, and no pixels. */
export function labelsPort<P extends Pick<PortOptions, 'description' | 'optional'>>(
  options: P,
): Accessed<'images', Flag<P, 'optional'>, 'labels'> {
  return { ...port('images', options), list: false, access: 'labels' };
}

/**
 * Declares an input or output port: `port('images')`, `port('model', { optional: true })`, `port('metrics', {
 * list: true })`. An output of metrics declares the names in it, if they are known before a run: `port('metrics',
 * { axes: [], values: ['accuracy'] })`.
 */
export function port<K extends PortKind | 'any', P extends PortOptions = Pick<PortOptions, 'description'>>(
  kind: K,
  options?: P,
): Port<K, Flag<P, 'optional'>, Flag<P, 'list'>> {
  const { optional = false, list = false, description = '', ...declared } = options ?? ({} as PortOptions);
  return {
    kind,
    optional: optional as Flag<P, 'optional'>,
    list: list as Flag<P, 'list'>,
    ...declared,
    description,
  };
}

interface PortOptions extends MetricNames {
  readonly optional?: boolean;
  readonly list?: boolean;
  /** For an optional input that is needed unless this other one is connected. */
  readonly unless?: string;
  readonly description?: string;
}
// Conditional, so that TypeScript does not infer `boolean` for it from the constraint of `defineStage`.
type Flag<P, N extends string> = P extends Readonly<Record<N, true>> ? true : false;

type PortValue<K> = K extends PortKind ? ValueOf<K> : Value;
type InputOf<T> =
  T extends StreamedPort<infer K, boolean>
    ? Streamed<ValueOf<K>>
    : T extends { readonly access: 'rows' }
      ? ImageRows
      : T extends { readonly access: 'labels' }
        ? ImageLabels
        : SingleOrList<T>;
type SingleOrList<T> =
  T extends Port<infer K, boolean, infer L>
    ? L extends true
      ? readonly Collected<PortValue<K>>[]
      : PortValue<K>
    : never;
type OptionalKeys<I> = {
  [N in keyof I]: I[N] extends Port<PortKind | 'any', true, boolean> ? N : never;
}[keyof I];
export type InputsOf<I> = { readonly [N in Exclude<keyof I, OptionalKeys<I>>]: InputOf<I[N]> } & {
  readonly [N in OptionalKeys<I>]?: InputOf<I[N]>;
};
type OutputsOf<O> = {
  readonly [N in Exclude<keyof O, OptionalKeys<O>>]: OutputOf<O[N]>;
} & { readonly [N in OptionalKeys<O>]?: OutputOf<O[N]> };
type OutputOf<T> = T extends { kind: infer K } ? PortValue<K> : never;

type AnyPort = Port<PortKind | 'any', boolean, boolean>;
/** The input ports of a stage, by name. */
export type InputPorts = Readonly<Record<string, AnyPort>>;

/**
 * Types a stage declaration from its own schema and ports. `shard` is `'whole'` unless given, and the first
 * output is the default one. An optional output is omitted when the optional input of the same name is not
 * connected.
 */
export function defineStage<
  W extends TObject,
  I extends InputPorts,
  O extends Readonly<Record<string, Port<PortKind, boolean, false>>>,
>(declaration: {
  readonly uses: string;
  readonly version: number;
  readonly versionWith?: (params: Static<W>) => number | undefined;
  readonly summary: string;
  readonly with: W;
  readonly example?: JsonObject;
  readonly in: I;
  readonly out: O;
  readonly shard?: 'images' | 'whole' | ((params: Static<W>) => 'images' | 'whole');
  readonly randomness?: boolean | ((params: Static<W>, draws: (port: string) => boolean) => boolean);
  readonly onTheFly?: boolean;
  readonly appliesTransform?: boolean;
  readonly device?: boolean;
  readonly usesDevice?: (params: Static<W>) => boolean;
  readonly libraries?: readonly string[];
  readonly extent?: readonly string[];
  readonly unset?: Readonly<Record<string, string | number | boolean>>;
  readonly check?: (params: Static<W>) => readonly ParameterProblem[];
  readonly checkInputs?: (
    params: Static<W>,
    inputs: KnownInputs,
    read: ReadFile,
  ) => readonly ParameterProblem[];
  readonly survey?: (context: SurveyContext<Static<W>>) => Promise<Survey>;
  readonly declaredImages?: (params: Static<W>) => number | null;
  readonly outline?: (context: OutlineContext<Static<W>>) => Outline | null | Promise<Outline | null>;
  readonly parts?: StageParts;
  readonly run: (context: StageContext<Static<W>, InputsOf<I>>) => Promise<OutputsOf<O>>;
}): Stage {
  const {
    shard = 'whole',
    randomness = false,
    onTheFly = false,
    appliesTransform = false,
    device = false,
    libraries = [],
    ...rest
  } = declaration;
  checkOwnSchema(declaration);
  return {
    ...rest,
    defaultOutput: Object.keys(declaration.out)[0]!,
    shard: typeof shard === 'function' ? shard : () => shard,
    randomness: typeof randomness === 'function' ? randomness : () => randomness,
    onTheFly,
    appliesTransform,
    device,
    libraries,
  };
}

/** `defineStage` takes a whole schema and its ports. Throws `DeclarationError`. */
function checkOwnSchema(declaration: Readonly<Record<string, unknown>>): void {
  const { with: schema, in: inputs, out } = declaration;
  const uses = String(declaration['uses']);
  if (!isRecord(schema) || schema[Kind] !== 'Object') {
    throw new DeclarationError(
      `the 'with' of ${uses} is not a Type.Object, which defineStage takes`,
      'write with: Type.Object({ … }), or with: Type.Object({}) if there are no parameters',
    );
  }
  if (!isRecord(inputs) || !isRecord(out)) {
    throw new DeclarationError(
      `${uses} has no ${isRecord(inputs) ? "outputs 'out'" : "inputs 'in'"}`,
      "write in: { images: port('images') }, out: { metrics: port('metrics') }; in: {} if it reads nothing",
    );
  }
  if (typeof declaration['run'] !== 'function')
    throw new DeclarationError(`${uses} has no function 'run'`, 'add it to defineStage({ … })');
}
