/** Any GPU through Dawn (Vulkan, Metal, Direct3D 12), or SwiftShader on the CPU for tests. */
import { totalmem } from 'node:os';
import { bundledVersion } from '../../setup/bundled.ts';
import { findDawn } from '../../setup/locations.ts';
import type { BackendDriver, BackendProbe } from '../driver.ts';
import { chooseAdapter } from './adapter.ts';
import type { AdapterDescription } from './adapter.ts';
import { mayHaveGpu } from './vulkan.ts';

/** Raise this when a kernel in this folder computes other bits than before. */
const kernelsVersion = 1;

export const webgpuDriver: BackendDriver = {
  name: 'webgpu',
  version: () => {
    const { version, why } = probe();
    if (version === null) throw new Error(why ?? 'not ready');
    return version;
  },
  probe,
  mayHaveGpu,
  open,
};

function probe(): BackendProbe {
  const absent = (why: string): BackendProbe => ({
    name: 'webgpu',
    ready: false,
    version: null,
    device: null,
    why,
  });
  const choice = chooseAdapter();
  if (typeof choice === 'string') return absent(choice);
  const { adapter } = choice;
  // The GPU's driver compiles the shaders, so it decides the last bits as much as the kernels do.
  const numbers = `${bundledVersion('webgpu')}+${kernelsVersion} dawn ${findDawn()!.version} ${inWords(adapter)}`;
  return {
    name: 'webgpu',
    ready: true,
    version: numbers,
    device: {
      ...(adapter.software
        ? { kind: 'software', memory: totalmem(), threads: 'its cores' }
        : { kind: 'gpu', memory: null, threads: 'one' }),
      name: inWords(adapter),
    },
    why: null,
  };
}

function inWords({ vendor, architecture, device, description }: AdapterDescription): string {
  const parts = [vendor, architecture, device, description].filter((part) => part !== '');
  return [...new Set(parts)].join(' ');
}

async function open(): Promise<void> {
  const { tf } = await import('../tf.ts');
  const { openDevice } = await import('./device.ts');
  const device = await openDevice();
  const { createTfjsBackend } = await import('./tfjs-backend.ts');
  const { registerWebgpuKernels } = await import('./register.ts');
  tf.registerBackend('webgpu', () => createTfjsBackend(device));
  if (!(await tf.setBackend('webgpu'))) throw new Error('TensorFlow.js refused its webgpu backend');
  registerWebgpuKernels();
}
