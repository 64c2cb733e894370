/** Registers the kernels that the wasm backend lacks, and ours where its own is slow or wrong. */
import { tf } from '../tf.ts';
import { conv2DBackpropFilter } from './conv2d-backprop-filter.ts';
import { conv2DBackpropInput } from './conv2d-backprop-input.ts';
import { depthwiseBackpropFilter } from './depthwise-backprop-filter.ts';
import { depthwiseBackpropInput } from './depthwise-backprop-input.ts';
import type { WasmKernel } from './heap.ts';
import { maxPoolGrad } from './max-pool-grad.ts';
import { sign } from './sign.ts';

const kernels: Readonly<Record<string, WasmKernel>> = {
  Conv2DBackpropFilter: conv2DBackpropFilter,
  Conv2DBackpropInput: conv2DBackpropInput,
  DepthwiseConv2dNativeBackpropFilter: depthwiseBackpropFilter,
  DepthwiseConv2dNativeBackpropInput: depthwiseBackpropInput,
  MaxPoolGrad: maxPoolGrad,
  Sign: sign,
};

/** Idempotent. The wasm backend must be the current one, for its own kernels are set up when it is opened. */
export function registerWasmKernels(): void {
  for (const [kernelName, kernelFunc] of Object.entries(kernels)) {
    // Typed as always there; it is undefined for a kernel that the backend lacks.
    if ((tf.getKernel(kernelName, 'wasm') as object | undefined) !== undefined)
      tf.unregisterKernel(kernelName, 'wasm');
    // The package types a kernel's backend and attributes as `{}`; ours say what they are.
    tf.registerKernel({ kernelName, backendName: 'wasm', kernelFunc: kernelFunc as unknown as KernelFunc });
  }
}

type KernelFunc = Parameters<typeof tf.registerKernel>[0]['kernelFunc'];
