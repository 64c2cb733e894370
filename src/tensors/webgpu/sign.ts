/**
 * Sign that keeps NaN. WGSL's `sign` gives 0 for NaN, so that an attack whose gradient overflowed would not
 * move the image, which looks like robustness.
 */
import type { TensorInfo } from '@tensorflow/tfjs';
import { tf } from '../tf.ts';

interface WebgpuKernelCall {
  readonly inputs: Readonly<Record<string, TensorInfo>>;
  readonly backend: { readonly disposeData: (id: object) => boolean };
  readonly attrs: object;
}

export type WebgpuKernel = (call: WebgpuKernelCall) => TensorInfo;

/** Makes the Sign kernel from the package's own. */
export function signWith(packageSign: WebgpuKernel): WebgpuKernel {
  const isNaN = tf.getKernel('IsNan', 'webgpu').kernelFunc as unknown as WebgpuKernel;
  const select = tf.getKernel('Select', 'webgpu').kernelFunc as unknown as WebgpuKernel;
  return ({ inputs, backend, attrs }) => {
    const x = inputs['x']!;
    const call = (kernel: WebgpuKernel, given: Readonly<Record<string, TensorInfo>>): TensorInfo =>
      kernel({ inputs: given, backend, attrs });
    const condition = call(isNaN, { x });
    const sign = call(packageSign, { x });
    const result = call(select, { condition, t: x, e: sign });
    backend.disposeData(condition.dataId);
    backend.disposeData(sign.dataId);
    return result;
  };
}
