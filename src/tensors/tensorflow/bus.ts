/** Notes the bytes that TensorFlow gets and gives back. */
import { noteFed, noteFetched } from '../../timing/transfers.ts';

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
