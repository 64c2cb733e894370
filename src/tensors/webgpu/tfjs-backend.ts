/** TensorFlow.js' webgpu backend on our own device, and access to its private parts. */
import type { TensorInfo } from '@tensorflow/tfjs';
import { whileAwaiting } from '../../timing/phases.ts';
import type { WebGPUBackend } from '@tensorflow/tfjs-backend-webgpu';
import { loadWebgpuBackend } from '../packages.ts';
import type { OpenDevice } from './device.ts';

interface Inside {
  readonly commandEncoder: GPUCommandEncoder | null;
  readonly tensorMap: {
    readonly get: (id: object) => { readonly resource: GPUBuffer; readonly values?: Values | null };
  };
}

type Values = ReturnType<WebGPUBackend['readSync']>;

/**
 * The package's backend, except that a read throws if the device has failed; the package's own would return
 * zeros.
 */
export function createTfjsBackend({ device, info, throwFault }: OpenDevice): WebGPUBackend {
  const backend = new (loadWebgpuBackend().WebGPUBackend)(device, info);
  // The package is compiled to constructor functions, which no class can extend.
  const readUnchecked = backend.read.bind(backend);
  backend.read = async (id) => {
    try {
      const values = await whileAwaiting('backend', () => readUnchecked(id));
      throwFault();
      return values;
    } catch (error) {
      throwFault();
      throw error;
    }
  };
  backend.readSync = (id) => {
    const values = inside(backend).tensorMap.get(id).values;
    // The package draws on a canvas for this, which Node does not have.
    if (!values) throw new Error('a webgpu tensor cannot be read synchronously; await tensor.data()');
    return values;
  };
  return backend;
}

/** Submits what was recorded, so that it runs before what is submitted next. */
export function flush(backend: WebGPUBackend): void {
  backend.endComputePassEncoder();
  if (inside(backend).commandEncoder !== null) backend.submitQueue();
}

/** The buffer that holds `tensor`, which is uploaded first if it is not on the device yet. */
export function bufferOf(backend: WebGPUBackend, { dataId }: Pick<TensorInfo, 'dataId'>): GPUBuffer {
  backend.uploadToGPU(dataId);
  return inside(backend).tensorMap.get(dataId).resource;
}

function inside(backend: WebGPUBackend): Inside {
  return backend as unknown as Inside;
}
