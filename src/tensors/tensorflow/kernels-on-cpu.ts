/**
 * Whether TensorFlow computes total variation and patch search: on a GPU it does. On the CPU the kernels in WebAssembly are many
 * times as fast, so that it does for tests alone, which set a variable; the numeric identity then says so.
 */
import type { BackendProbe } from '../driver.ts';

type Environment = Readonly<Record<string, string | undefined>>;

const variable = 'RAVELIN_TENSORFLOW_KERNELS';

/** Whether TensorFlow's build for the CPU computes what only its build for GPUs otherwise does. */
export function takesKernelsOnCpu(environment: Environment): boolean {
  return environment[variable] === '1';
}

/** Whether this backend is a TensorFlow that computes total variation and patch search itself. */
export function takesKernels(
  { name, device }: Pick<BackendProbe, 'name' | 'device'>,
  environment: Environment,
): boolean {
  if (name !== 'tensorflow' || device === null) return false;
  return device.kind === 'gpu' || takesKernelsOnCpu(environment);
}
