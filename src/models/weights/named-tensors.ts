/** The tensors of a weight file before they are those of a network. */
import type { ElementType } from './floats.ts';

export interface RawTensor {
  readonly shape: readonly number[];
  readonly type: ElementType;
  /** The elements, row-major, as float32: a fresh copy at each call. Throws `WeightsError` where the data is damaged. */
  readonly read: () => Float32Array;
}

export type NamedTensors = ReadonlyMap<string, RawTensor>;
