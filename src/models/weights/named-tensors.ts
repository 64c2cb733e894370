/** The tensors of a weight file, before they become those of a network. */
import type { ElementType } from './floats.ts';

export interface RawTensor {
  readonly shape: readonly number[];
  readonly type: ElementType;
  /**
   * Returns the elements, row-major, as float32, in a new copy at each call. Throws `WeightsError` if the
   * data is damaged.
   */
  readonly read: () => Float32Array;
}

export type NamedTensors = ReadonlyMap<string, RawTensor>;
