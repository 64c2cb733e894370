/**
 * The backends that compute on tensors. Nothing here loads TensorFlow.js until a backend is opened, so that
 * planning can query a backend's numeric identity at no cost.
 */
import { whileAwaiting } from '../timing/phases.ts';
import type { BackendDriver, BackendProbe } from './driver.ts';
import { tensorflowDriver } from './tensorflow/driver.ts';
import { listGpus, memoryOf, queryGpus, visibleGpus } from './tensorflow/visible-gpus.ts';
import { wasmDriver } from './wasm/driver.ts';
import { webgpuDriver } from './webgpu/driver.ts';

/** An open backend. TensorFlow.js has one current backend per process, which is the one opened last. */
export interface Backend {
  readonly name: string;
  readonly version: string;
}

/** The backend cannot be used here; the message says why and what to do. */
export class BackendError extends Error {
  override readonly name = 'BackendError';
}

/** In order of preference among those on the same kind of device. */
const drivers: readonly BackendDriver[] = [tensorflowDriver, webgpuDriver, wasmDriver];
const opened = new Map<string, Promise<Backend>>();
let current: string | null = null;

/**
 * Opens `name` and makes it the current backend; opening it again costs nothing. Throws `BackendError` if the
 * name is unknown or the backend is not ready on this machine.
 */
export async function openBackend(name: string): Promise<Backend> {
  const driver = driverOf(name);
  let backend = opened.get(name);
  if (backend === undefined) {
    backend = whileAwaiting('open', () => openDriver(driver));
    opened.set(name, backend);
    // A backend that failed to open may be tried again.
    backend.catch(() => opened.delete(name));
  }
  const result = await backend;
  const { tf } = await import('./tf.ts');
  if (tf.getBackend() !== name) await tf.setBackend(name);
  current = name;
  return result;
}

/** Name of the backend that was opened last; null before the first. */
export function currentBackend(): string | null {
  return current;
}

export function backendNames(): readonly string[] {
  return drivers.map((driver) => driver.name);
}

/** State of every backend on this machine, for `ravelin doctor`. */
export function probeBackends(): readonly BackendProbe[] {
  return drivers.map((driver) => driver.probe());
}

/** State of one backend on this machine. Throws `BackendError` if the name is unknown. */
export function probeBackend(name: string): BackendProbe {
  return driverOf(name).probe();
}

/**
 * Chooses the best backend that is ready on this machine: one on a GPU before one on the CPU, and never a GPU
 * emulated in software. If none is ready, it is the embedded one, so that opening it says what is wrong.
 */
export function bestBackend(): string {
  const onGpu = drivers.find((driver) => driver.mayHaveGpu() && driver.probe().device?.kind === 'gpu');
  // Without a GPU, webgpu is not probed, because that would start a process.
  const best = onGpu ?? [tensorflowDriver, wasmDriver].find((driver) => driver.probe().ready);
  return (best ?? wasmDriver).name;
}

/**
 * The part of a backend that decides the numbers it computes; it is in the cache key of every result made on
 * it.
 */
export function numericIdentity(name: string): { readonly backend: string; readonly version: string } {
  return { backend: name, version: driverOf(name).version() };
}

/** The numeric identity of a backend in this process, whatever the plan assumed that made its tasks. */
export function identityHere(name: string): { readonly backend: string; readonly version: string } {
  const { version, versionHere = version } = driverOf(name);
  return { backend: name, version: versionHere() };
}

/** The CUDA devices that `backend` computes on, by the names of CUDA_VISIBLE_DEVICES; none if it computes elsewhere. */
export function cudaDevices(backend: string): readonly string[] {
  if (backend !== 'tensorflow' || tensorflowDriver.probe().device?.kind !== 'gpu') return [];
  return visibleGpus(process.env, listGpus);
}

/** Whether this process can compute on a backend's device: a worker for other tasks sees no CUDA device. */
export function seesDevice(name: string): boolean {
  const { device } = driverOf(name).probe();
  if (device === null) return false;
  return name !== 'tensorflow' || device.kind !== 'gpu' || cudaDevices(name).length > 0;
}

/** Bytes of memory of a CUDA device of `cudaDevices`; null for a MIG slice, or if the driver does not say. */
export function cudaMemory(device: string): number | null {
  return memoryOf(device, queryGpus());
}

async function openDriver(driver: BackendDriver): Promise<Backend> {
  const probe = driver.probe();
  if (!probe.ready)
    throw new BackendError(`the ${driver.name} backend is not ready: ${probe.why ?? 'unknown'}`);
  await driver.open();
  return { name: driver.name, version: driver.version() };
}

function driverOf(name: string): BackendDriver {
  const driver = drivers.find((candidate) => candidate.name === name);
  if (driver === undefined) {
    throw new BackendError(`unknown backend '${name}'; known: ${backendNames().join(', ')}`);
  }
  return driver;
}
