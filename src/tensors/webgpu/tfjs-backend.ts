/** TensorFlow.js' webgpu backend on our own device, and access to its private parts. */
import type { TensorInfo } from '@tensorflow/tfjs';
import { whileAwaiting } from '../../timing/phases.ts';
import { noteFed, noteFetched } from '../../timing/transfers.ts';
import type { WebGPUBackend } from '@tensorflow/tfjs-backend-webgpu';
import { loadWebgpuBackend } from '../packages.ts';
import type { OpenDevice } from './device.ts';

interface Inside {
  readonly commandEncoder: GPUCommandEncoder | null;
  readonly tensorMap: {
    readonly get: (id: object) => { readonly resource?: GPUBuffer | null; readonly values?: Values | null };
  };
}

type Values = ReturnType<WebGPUBackend['readSync']>;

/**
 * The package's backend, except that a read throws if the device has failed, where the package's own would return zeros, and that
 * it notes the bytes that cross to the device and back: tensors, not the few numbers that go with each program.
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
  const upload = backend.uploadToGPU.bind(backend);
  backend.uploadToGPU = (id) => {
    const { resource, values } = inside(backend).tensorMap.get(id);
    // The package holds each number in four bytes.
    if (!resource && values) noteFed(4 * values.length);
    upload(id);
  };
  const readBuffer = backend.getBufferData.bind(backend);
  backend.getBufferData = async (buffer) => {
    noteFetched(buffer.size);
    return readBuffer(buffer);
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
  return inside(backend).tensorMap.get(dataId).resource!;
}

function inside(backend: WebGPUBackend): Inside {
  return backend as unknown as Inside;
}
