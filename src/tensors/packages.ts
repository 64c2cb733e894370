/** Loads TensorFlow.js and its backends, from the bundle of a built ravelin or from their packages. */
import { createRequire } from 'node:module';
import { join } from 'node:path';
import type * as core from '@tensorflow/tfjs-core';
import type * as wasmBackend from '@tensorflow/tfjs-backend-wasm';
import type * as webgpuBackend from '@tensorflow/tfjs-backend-webgpu';
import { bundleFolder, folderOf } from '../setup/bundled.ts';

// They are not imported, because Node would read the 3 MB of the packages twice, in search of their exports: 0.3 s.
const require = createRequire(import.meta.url);

/** The operations, with their gradients. */
export function loadTfjs(): typeof core {
  return load('tfjs', '@tensorflow/tfjs') as typeof core;
}

export function loadWasmBackend(): typeof wasmBackend {
  return load('wasm', '@tensorflow/tfjs-backend-wasm') as typeof wasmBackend;
}

/** Folder of the WebAssembly modules of the wasm backend. */
export function wasmModules(): string {
  return join(bundleFolder() ?? folderOf('@tensorflow/tfjs-backend-wasm'), 'wasm-out');
}

export function loadWebgpuBackend(): typeof webgpuBackend {
  return load('webgpu', '@tensorflow/tfjs-backend-webgpu') as typeof webgpuBackend;
}

/** The backend that computes through a binding to TensorFlow. */
export interface BindingBackend {
  new (binding: unknown, packageName: string): core.KernelBackend;
}

/** Registers the kernels that call TensorFlow, and returns their backend. */
export function loadBindingBackend(): BindingBackend {
  const name = '@tensorflow/tfjs-node-gpu/dist/nodejs_kernel_backend.js';
  if (bundleFolder() === null) require('@tensorflow/tfjs-node-gpu/dist/register_all_kernels.js');
  return (load('binding', name) as { NodeJSKernelBackend: BindingBackend }).NodeJSKernelBackend;
}

/** Classes of TensorFlow's Protocol Buffers. */
export function loadGraphMessages(): unknown {
  return load('messages', '@tensorflow/tfjs-node-gpu/dist/proto/api_pb.js');
}

function load(file: string, name: string): unknown {
  const bundle = bundleFolder();
  return require(bundle === null ? name : join(bundle, `${file}.cjs`));
}
