import type { BackendProbe } from '../../tensors/driver.ts';
import { takesKernels } from '../../tensors/tensorflow/kernels-on-cpu.ts';

/**
 * The forms of the TVM kernel: the WebAssembly kernel (`wasm.ts`), WGSL (`webgpu.ts`) and functions of TensorFlow (`tensorflow.ts`).
 * They agree to the tolerance of the solver.
 */
export type TvmForm = 'wasm' | 'webgpu' | 'tensorflow';

/** The form for a backend: on a GPU the backend computes; elsewhere the WebAssembly kernel is faster than its operations. */
export function tvmFormFor(
  backend: Pick<BackendProbe, 'name' | 'device'>,
  environment = process.env,
): TvmForm {
  // WGSL runs on a GPU in software too, so that tests reach it.
  if (backend.name === 'webgpu') return 'webgpu';
  return takesKernels(backend, environment) ? 'tensorflow' : 'wasm';
}
