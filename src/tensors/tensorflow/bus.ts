/** Counts what crosses between the memory of this process and TensorFlow: on a GPU, the bus. */

export interface Transfers {
  /** Bytes that went to TensorFlow. */
  readonly fed: number;
  /** Bytes that came back. */
  readonly fetched: number;
}

let fed = 0;
let fetched = 0;

export function noteFed(bytes: number): void {
  fed += bytes;
}

export function noteFetched(bytes: number): void {
  fetched += bytes;
}

/** Begins to count. The result returns the bytes since then. */
export function measureTransfers(): () => Transfers {
  const begun = { fed, fetched };
  return () => ({ fed: fed - begun.fed, fetched: fetched - begun.fetched });
}

interface TensorBinding {
  readonly createTensor: (shape: readonly number[], type: number, values: ArrayLike<number>) => number;
  readonly tensorDataSync: (id: number) => ArrayBufferView;
}

/** The same binding, which notes the bytes of the tensors that it makes and reads. */
export function countingBinding<Binding extends object>(binding: Binding): Binding {
  const { createTensor, tensorDataSync } = binding as unknown as TensorBinding;
  const counting: TensorBinding = {
    createTensor: (shape, type, values) => {
      noteFed(ArrayBuffer.isView(values) ? values.byteLength : 4 * values.length);
      return createTensor(shape, type, values);
    },
    tensorDataSync: (id) => {
      const values = tensorDataSync(id);
      noteFetched(values.byteLength);
      return values;
    },
  };
  return { ...binding, ...counting };
}
