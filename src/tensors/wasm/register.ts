/** Registers the kernels that the wasm backend lacks, and ours in place of those that are slow or wrong. */
import { replaceKernels } from '../replace-kernels.ts';
import { relu6Grad, reluGrad } from './activation-gradients.ts';
import { channelSum } from './channel-sum.ts';
import { convolutionKernels } from './conv2d.ts';
import { conv2DBackpropFilter } from './conv2d-backprop-filter.ts';
import { conv2DBackpropInput } from './conv2d-backprop-input.ts';
import { depthwiseBackpropFilter } from './depthwise-backprop-filter.ts';
import { depthwiseBackpropInput } from './depthwise-backprop-input.ts';
import type { WasmKernel } from './heap.ts';
import { maxPoolGrad } from './max-pool-grad.ts';
import { sign } from './sign.ts';

const kernels: Readonly<Record<string, WasmKernel>> = {
  ChannelSum: channelSum,
  Conv2DBackpropFilter: conv2DBackpropFilter,
  Conv2DBackpropInput: conv2DBackpropInput,
  DepthwiseConv2dNativeBackpropFilter: depthwiseBackpropFilter,
  DepthwiseConv2dNativeBackpropInput: depthwiseBackpropInput,
  MaxPoolGrad: maxPoolGrad,
  ReluGrad: reluGrad,
  Relu6Grad: relu6Grad,
  Sign: sign,
};

/**
 * Idempotent. The wasm backend must be the current one, because its own kernels are set up when it is opened.
 */
export function registerWasmKernels(): void {
  replaceKernels('wasm', { ...kernels, ...convolutionKernels() });
}
