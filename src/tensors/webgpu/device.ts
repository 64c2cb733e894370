/** The GPU device of this process, opened through Dawn and shared by TensorFlow.js and our own shaders. */
import { pathToFileURL } from 'node:url';
import type * as dawn from 'webgpu';
import { findDawn } from '../../setup/locations.ts';
import { chooseAdapter } from './adapter.ts';

/**
 * The device failed. If `outOfMemory`, it ran out of memory, and the same work may succeed in smaller
 * batches.
 */
export class DeviceError extends Error {
  override readonly name = 'DeviceError';
  readonly outOfMemory: boolean;

  constructor(message: string, outOfMemory: boolean) {
    super(message);
    this.outOfMemory = outOfMemory;
  }
}

export interface OpenDevice {
  readonly device: GPUDevice;
  readonly info: GPUAdapterInfo;
  /**
   * Throws what the device has reported since the last call. It reports late and without naming the
   * operation, so anything read from it before the call may be wrong.
   */
  readonly throwFault: () => void;
}

/** Limits on the size of a computation; the device is opened with as much as the adapter allows. */
const limits = [
  'maxBufferSize',
  'maxStorageBufferBindingSize',
  'maxStorageBuffersPerShaderStage',
  'maxComputeWorkgroupStorageSize',
  'maxComputeWorkgroupsPerDimension',
  'maxComputeWorkgroupSizeX',
  'maxComputeWorkgroupSizeY',
  'maxComputeInvocationsPerWorkgroup',
] as const;
const features: readonly GPUFeatureName[] = ['timestamp-query'];

/** The device rejects a buffer beyond its limits as invalid, but a smaller batch would work. */
const tooLarge = /exceeds the max(imum)? (storage )?buffer( binding)? size/i;

let opened: Promise<OpenDevice> | undefined;

/**
 * Opens the device of `chooseAdapter`; later calls return the same one. Throws `DeviceError` if there is
 * none.
 */
export function openDevice(): Promise<OpenDevice> {
  opened ??= open();
  return opened;
}

async function open(): Promise<OpenDevice> {
  const choice = chooseAdapter();
  if (typeof choice === 'string') throw new DeviceError(choice, false);
  if (choice.driver !== null) {
    const { useDriver } = await import('./vulkan.ts');
    useDriver(choice.driver);
  }
  const { create, globals } = (await import(pathToFileURL(findDawn()!.entry).href)) as typeof dawn;
  // TensorFlow.js and our own code use GPUBuffer, GPUBufferUsage and others as globals, like in a browser.
  Object.assign(globalThis, globals);
  const gpu = create([]);
  // The instance must live as long as the device.
  const navigator = (globalThis as { navigator?: object }).navigator;
  if (navigator === undefined) Object.defineProperty(globalThis, 'navigator', { value: { gpu } });
  else Object.defineProperty(navigator, 'gpu', { value: gpu, configurable: true });
  const adapter = await gpu.requestAdapter({ powerPreference: 'high-performance' });
  if (adapter === null)
    throw new DeviceError('the GPU that was found before is gone; run ravelin doctor', false);
  const device = await adapter.requestDevice({
    requiredLimits: Object.fromEntries(limits.map((name) => [name, adapter.limits[name]])),
    requiredFeatures: features.filter((name) => adapter.features.has(name)),
  });
  return { device, info: adapter.info, throwFault: watchFaults(device) };
}

function watchFaults(device: GPUDevice): () => void {
  let fault: DeviceError | null = null;
  let lost: DeviceError | null = null;
  device.addEventListener('uncapturederror', (event) => {
    const { error } = event;
    // The first error is the cause of those after it.
    fault ??= new DeviceError(
      `WebGPU: ${error.message}`,
      error instanceof GPUOutOfMemoryError || tooLarge.test(error.message),
    );
  });
  void device.lost.then(({ reason, message }) => {
    // Drivers also take a device away when its memory is exhausted.
    if (reason !== 'destroyed') lost = new DeviceError(`WebGPU lost its device: ${message}`, true);
  });
  return () => {
    const error = lost ?? fault;
    fault = null;
    if (error !== null) throw error;
  };
}
