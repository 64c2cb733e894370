import { instantiateModule, type KernelMemory } from '../tensors/web-assembly.ts';
import { timed } from '../timing/phases.ts';

/** Returns the exports of a new instance of a kernel. Calls of its functions count as the phase `kernels`. */
export function instantiateKernel(base64: string, memory?: KernelMemory): object {
  return Object.fromEntries(
    Object.entries(instantiateModule(base64, memory)).map(([name, value]: [string, unknown]) => [
      name,
      typeof value === 'function' ? timed('kernels', value as (...numbers: number[]) => unknown) : value,
    ]),
  );
}
