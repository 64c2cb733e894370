import type { TObject } from '@sinclair/typebox';
import type { JsonObject } from '../values/json.ts';

export interface InputPort {
  /** Port kind: `images`, `model`, …; `any` accepts every kind. */
  readonly kind: string;
  readonly optional: boolean;
  /**
   * Accepts several values: a `collect`ed reference or a list of references. A single reference is a list of
   * one.
   */
  readonly list: boolean;
  /**
   * How the stage reads images of which it never holds all: one object after the other (`Streamed`), row by row
   * (`ImageRows`), or without their pixels (`ImageLabels`). Absent for a value as a whole.
   */
  readonly access?: 'stream' | 'rows' | 'labels';
  /** Another input that takes the place of this one: exactly one of the two is connected. */
  readonly unless?: string;
  readonly description: string;
}

export interface OutputPort {
  readonly kind: string;
  /** Whether the output is omitted when the optional input of the same name is not connected. */
  readonly optional?: boolean;
  /** Extensions, without the dot, of the files that a figure has. Absent if only a run shows them. */
  readonly formats?: readonly string[];
  /**
   * Axes of the rows inside one value of metrics, such as the training epoch; `[]` says that a value is one
   * row. Absent if only a run shows them.
   */
  readonly axes?: readonly string[];
  /** Names of the numbers in metrics. Absent if only a run shows them. */
  readonly values?: readonly string[];
  /** More numbers, each list by the optional input that must be connected for them. */
  readonly valuesWith?: Readonly<Record<string, readonly string[]>>;
  /** Warnings about some of the numbers, which follow from how the inputs were made, for the reports that show them. */
  readonly caveats?: (inputs: KnownInputs) => Readonly<Record<string, Caveat>>;
  /**
   * Facts about the value that follow from the parameters, the inputs, and the heads of files, before a run. Absent or empty if only
   * a run shows them.
   */
  readonly facts?: (params: never, inputs: KnownInputs, read: ReadFile) => Facts;
  readonly description: string;
}

/** Facts about images or a model that are known before a run. */
export interface Facts {
  /** The size of an image, or of those that the model takes. */
  readonly size?: readonly [height: number, width: number, channels: number];
  /** The number of classes. */
  readonly classes?: number;
  /** The weights of the model are drawn at random, and no training has changed them. */
  readonly isUntrained?: true;
  /**
   * For images of an attack that ends an image as soon as the attacked classifier misclassifies it: what to change so that it goes
   * farther, as the beginning of a fix.
   */
  readonly goFartherBy?: string;
}

/** The part of a stage type that the language needs to check a pipeline that uses it. */
export interface StageSignature {
  /** `folder/name`, e.g. `attack/fgsm`. */
  readonly uses: string;
  readonly summary: string;
  readonly with: TObject;
  readonly in: Readonly<Record<string, InputPort>>;
  readonly out: Readonly<Record<string, OutputPort>>;
  /** The output that a bare `stage` reference means: the only one, or the one named like the default. */
  readonly defaultOutput: string;
  /** Parameters of an example, besides those that have defaults. */
  readonly example?: JsonObject;
  /**
   * Checks between parameters that a schema cannot express (never both `epsilon` and `dissimilarity`). Each
   * problem names the parameter it belongs to by its path from `with`.
   */
  readonly check?: (params: never) => readonly ParameterProblem[];
  /**
   * Checks of parameters that name something in the inputs, such as an axis of the scores. Cells that read
   * the same values are given the same object. `read` gives the bytes of a small file by its path in the
   * parameters; null if it cannot be read, or if the load looks at no files.
   */
  readonly checkInputs?: (params: never, inputs: KnownInputs, read: ReadFile) => readonly ParameterProblem[];
}

/** The first `most` bytes of a file, or the whole of a small one; null if it cannot be read, or if the load looks at no files. */
export type ReadFile = (path: string, most?: number) => Uint8Array | null;

export interface ParameterProblem {
  readonly path: readonly string[];
  readonly message: string;
  readonly fix?: string;
  /** `param-conflict` if absent. Those of `warningCodes` are warnings. */
  readonly code?: 'unknown-name' | 'unplaced-axis' | 'bad-file' | WarningCode;
  /** The input that the problem is shown at, instead of a parameter. */
  readonly input?: string;
  /** The value whose stage the problem is shown at, instead of a parameter. */
  readonly maker?: KnownValue;
}

export type WarningCode =
  'other-classifier' | 'stops-early' | 'untrained-model' | 'other-shape' | 'other-classes' | 'small-radius';

/** A fact about a number that a report warns of. */
export interface Caveat {
  readonly message: string;
  readonly fix: string;
  /** `other-classifier` if absent. */
  readonly code?: WarningCode;
}

/** The connected inputs of a cell before a run, by port. A single value is a list of one. */
export type KnownInputs = Readonly<Record<string, readonly KnownValue[]>>;

export interface KnownValue {
  /** The stage type that makes it. */
  readonly uses: string;
  /** The output that it is. */
  readonly port: string;
  /** The cell that makes it, its parameters, and its inputs. */
  readonly cell: number;
  readonly params: JsonObject;
  /** The seed of its stage; 0 if it has none. */
  readonly seed: number;
  readonly inputs: () => KnownInputs;
  /** The labels that tell it apart in a list; none for a single value. */
  readonly axes: Readonly<Record<string, string | number | boolean>>;
  /** Axes of the rows inside it; undefined if only a run shows them. */
  readonly innerAxes: readonly string[] | undefined;
  /** Names of its numbers; undefined if only a run shows them. */
  readonly values: readonly string[] | undefined;
  readonly caveats: () => Readonly<Record<string, Caveat>>;
  readonly facts: () => Facts;
}

export type SignatureRegistry = ReadonlyMap<string, StageSignature>;
