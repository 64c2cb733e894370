import type { BackendProbe } from '../../tensors/driver.ts';
import { takesKernels } from '../../tensors/tensorflow/kernels-on-cpu.ts';
import { mostNeighbors } from './reference.ts';

/**
 * The forms of the patch search: `tree`, the WebAssembly kernel; `webgpu`, WGSL for few neighbours; `matrix`, matrix products on the current tensor
 * backend, on tensorflow by functions (`tensorflow.ts`). All find the same patches, bit for bit.
 */
export type SearchForm = 'tree' | 'webgpu' | 'matrix';

/** The form for a backend, null if none is open: on a GPU the device measures all patches, on a CPU the tree looks at few. */
export function searchFormFor(
  backend: Pick<BackendProbe, 'name' | 'device'> | null,
  neighbors: number,
  environment = process.env,
): SearchForm {
  if (backend === null) return 'tree';
  if (takesKernels(backend, environment)) return 'matrix';
  if (backend.device?.kind !== 'gpu') return 'tree';
  return backend.name === 'webgpu' && neighbors <= mostNeighbors ? 'webgpu' : 'matrix';
}
