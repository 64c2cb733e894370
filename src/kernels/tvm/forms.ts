import type { BackendProbe } from '../../tensors/driver.ts';

/**
 * The forms of the TVM kernel: the WebAssembly kernel (`wasm.ts`), WGSL (`webgpu.ts`) and TensorFlow.js operations (`tensors.ts`). They agree to the
 * tolerance of the solver.
 */
export type TvmForm = 'wasm' | 'webgpu' | 'tensorflow';

/** The form for a backend: on a GPU the backend computes; elsewhere the WebAssembly kernel is faster than its operations. */
export function tvmFormFor({ name, device }: Pick<BackendProbe, 'name' | 'device'>): TvmForm {
  // WGSL runs on a GPU in software too, so that tests reach it.
  if (name === 'webgpu') return 'webgpu';
  return name === 'tensorflow' && device?.kind === 'gpu' ? 'tensorflow' : 'wasm';
}
