/** WebAssembly with SIMD: the embedded backend, one thread, no native code. */
import { totalmem } from 'node:os';
import { sep } from 'node:path';
import { bundledVersion } from '../../setup/bundled.ts';
import type { BackendDevice, BackendDriver } from '../driver.ts';
import { reinstall } from '../../setup/reinstall.ts';
import { timed } from '../../timing/phases.ts';

/**
 * Raise this when a kernel in this folder computes other bits than before, so that results made with the old
 * one miss in the cache.
 */
const kernelsVersion = 2;

/** The heap of a wasm module ends at 2³² bytes. */
const device: BackendDevice = {
  kind: 'cpu',
  name: 'the CPU',
  memory: Math.min(2 ** 32, totalmem()),
  threads: 'one',
};

export const wasmDriver: BackendDriver = {
  name: 'wasm',
  version,
  mayHaveGpu: () => false,
  probe: () => {
    try {
      return {
        name: 'wasm',
        ready: true,
        version: version(),
        device,
        why: null,
      };
    } catch (cause) {
      const why = `the wasm backend of TensorFlow.js cannot be read (${cause instanceof Error ? cause.message : String(cause)}); ${reinstall()}`;
      return { name: 'wasm', ready: false, version: null, device: null, why };
    }
  },
  open,
};

function version(): string {
  return `${bundledVersion('wasm')}+${kernelsVersion}`;
}

async function open(): Promise<void> {
  const { tf } = await import('../tf.ts');
  const { loadWasmBackend, wasmModules } = await import('../packages.ts');
  const { setWasmPaths } = loadWasmBackend();
  const { registerWasmKernels } = await import('./register.ts');
  setWasmPaths(wasmModules() + sep);
  const exceptionHandlers = new Set<unknown>(process.listeners('uncaughtException'));
  const rejectionHandlers = new Set<unknown>(process.listeners('unhandledRejection'));
  if (!(await tf.setBackend('wasm'))) throw new Error('TensorFlow.js refused its wasm backend');
  await tf.ready();
  // Emscripten installs process-wide handlers that rethrow errors of others, too.
  for (const listener of process.listeners('uncaughtException')) {
    if (!exceptionHandlers.has(listener)) process.removeListener('uncaughtException', listener);
  }
  for (const listener of process.listeners('unhandledRejection')) {
    if (!rejectionHandlers.has(listener)) process.removeListener('unhandledRejection', listener);
  }
  guardAllocation((tf.backend() as unknown as { wasm: WasmModule }).wasm);
  registerWasmKernels();
  // Each call of a kernel counts as the phase `backend`, and so does each copy into the heap or out of it.
  for (const kernel of tf.getKernelsForBackend('wasm'))
    kernel.kernelFunc = timed('backend', kernel.kernelFunc);
  const backend = tf.backend() as unknown as Record<'move' | 'readSync', () => unknown>;
  backend.move = timed('backend', backend.move.bind(backend));
  backend.readSync = timed('backend', backend.readSync.bind(backend));
}

interface WasmModule {
  readonly _free: (address: number) => void;
  _malloc: (bytes: number) => number;
}

/**
 * The package takes the address 0 of a failed allocation for a valid one and overwrites its own data; sizes
 * of 2³² bytes and more reach the module modulo 2³².
 */
function guardAllocation(module: WasmModule): void {
  // Emscripten's function replaces itself when it is first called.
  module._free(module._malloc(4));
  const allocate = module._malloc;
  module._malloc = (bytes) => {
    const address = bytes < 2 ** 32 ? allocate(bytes) : 0;
    if (address === 0 && bytes > 0)
      throw Object.assign(new Error(`the wasm heap has no room for ${bytes} bytes`), {
        outOfMemory: true,
      });
    return address;
  };
}
