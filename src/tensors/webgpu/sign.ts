/**
 * Sign that keeps NaN. WGSL's `sign` gives 0 for it, so that an attack whose gradient overflowed would stand still, which
 * looks like robustness.
 */
import type { TensorInfo } from '@tensorflow/tfjs';
import { tf } from '../tf.ts';

export interface WebgpuKernelCall {
  readonly inputs: Readonly<Record<string, TensorInfo>>;
  readonly backend: { readonly disposeData: (id: object) => boolean };
  readonly attrs: object;
}

type Kernel = (call: WebgpuKernelCall) => TensorInfo;

/** The Sign kernel, from the package's own of that name. */
export function signWith(packageSign: Kernel): Kernel {
  const isNaN = tf.getKernel('IsNan', 'webgpu').kernelFunc as unknown as Kernel;
  const select = tf.getKernel('Select', 'webgpu').kernelFunc as unknown as Kernel;
  return ({ inputs, backend, attrs }) => {
    const x = inputs['x']!;
    const call = (kernel: Kernel, given: Readonly<Record<string, TensorInfo>>): TensorInfo =>
      kernel({ inputs: given, backend, attrs });
    const condition = call(isNaN, { x });
    const sign = call(packageSign, { x });
    const result = call(select, { condition, t: x, e: sign });
    backend.disposeData(condition.dataId);
    backend.disposeData(sign.dataId);
    return result;
  };
}
