/** Kernels that compute in the memory of the wasm backend, on its tensors. Only ../heap.ts opens them. */
export { setWindows } from './windows.as';
export { channelSum } from './channel-sum.as';
export { convolve, convolveScratch } from './convolve.as';
export { filterGradient, filterGradientScratch } from './filter-gradient.as';
export { convolveNarrow, convolveNarrowScratch } from './narrow.as';
export { maxPoolGradient, relu6Gradient, reluGradient } from './pointwise.as';
