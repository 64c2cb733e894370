/** Outlines say what is known of a value before it exists: enough to say what it will cost to make, to store and to read. */

/**
 * Amounts of operations by name, such as `forward` or `defense/tvm`; `docs/running.md` lists the names. How many seconds
 * an operation takes is for others to know.
 */
export type Work = Readonly<Record<string, number>>;

export interface ImagesOutline {
  readonly kind: 'images';
  readonly height: number;
  readonly width: number;
  readonly channels: number;
  /** 1 for uint8 and 4 for float32. */
  readonly bytesPerValue: 1 | 4;
  readonly views: number;
}

export interface ModelOutline {
  readonly kind: 'model';
  /** Multiply-adds of one forward pass of one image. */
  readonly multiplyAdds: number;
  /** Values of all activations of one image. */
  readonly activations: number;
  /** Values of the largest activation of one image. */
  readonly largestActivation: number;
  readonly parameters: number;
  readonly classes: number;
}

/** A recipe. `work` is what one view of an image takes for each of its values. */
export interface TransformOutline {
  readonly kind: 'transform';
  readonly work: Work;
  readonly views: number;
  readonly isRandom: boolean;
}

export interface PatchesOutline {
  readonly kind: 'patches';
  readonly count: number;
  /** Values of a patch. */
  readonly length: number;
  readonly bytes: number;
}

export interface PredictionsOutline {
  readonly kind: 'predictions';
  readonly classes: number;
}

/** The part of an attack that is computed once for all strengths. */
export interface PreparationOutline {
  readonly kind: 'preparation';
  readonly bytesPerImage: number;
}

/** Numbers, figures and tables, whose size and cost do not count. */
export interface SmallOutline {
  readonly kind: 'metrics' | 'figure';
}

export type ValueOutline =
  | ImagesOutline
  | ModelOutline
  | TransformOutline
  | PatchesOutline
  | PredictionsOutline
  | PreparationOutline
  | SmallOutline;

/** The work and results of a unit of a stage. */
export interface Outline {
  /** Work for each image of the unit. */
  readonly perImage: Work;
  /** Work of the unit beside that. */
  readonly perUnit: Work;
  readonly out: Readonly<Record<string, ValueOutline>>;
  /** Bytes that are in memory beside inputs and outputs, whatever the number of images. */
  readonly memoryBytes: number;
}

/** The facts that are known of a cell before it runs. */
export interface OutlineContext<P> {
  readonly params: P;
  /** The values of each connected input, several of them for a list. */
  readonly inputs: Readonly<Record<string, readonly ValueOutline[]>>;
  /** Images that the cell makes or reads. */
  readonly images: number;
  /** Images of each connected input that is a list over images. */
  readonly counts: Readonly<Record<string, number>>;
}

/** Bytes of a value in the cache: `perImage` for each image and `whole` once. */
export function outlineBytes(value: ValueOutline): { readonly perImage: number; readonly whole: number } {
  switch (value.kind) {
    case 'images':
      // A label and an id.
      return { perImage: valuesOf(value) * value.bytesPerValue * value.views + 8, whole: 0 };
    case 'predictions':
      // Labels and ids, and the perturbation that is passed on.
      return { perImage: 4 * value.classes + 24, whole: 0 };
    case 'preparation':
      return { perImage: value.bytesPerImage, whole: 0 };
    case 'model':
      return { perImage: 0, whole: 4 * value.parameters };
    case 'patches':
      return { perImage: 0, whole: value.bytes };
    case 'transform':
    case 'metrics':
    case 'figure':
      return { perImage: 0, whole: smallBytes };
  }
}

/** A recipe, a row of numbers or a figure. */
const smallBytes = 2048;

/** Values of one view of an image. */
export function valuesOf({ height, width, channels }: ImagesOutline): number {
  return height * width * channels;
}

/** The sum of several amounts, each times its factor. */
export function addWork(...parts: readonly (readonly [factor: number, work: Work])[]): Work {
  const sum: Record<string, number> = {};
  for (const [factor, work] of parts)
    for (const [name, amount] of Object.entries(work))
      if (factor * amount > 0) sum[name] = (sum[name] ?? 0) + factor * amount;
  return sum;
}
