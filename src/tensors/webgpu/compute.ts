/**
 * Our own WGSL on the device of the webgpu backend, beside TensorFlow.js and without reading back between
 * passes.
 *
 *     const compute = await openCompute();
 *     const double = await compute.pipeline(`
 *       @group(0) @binding(0) var<storage, read> x: array<f32>;
 *       @group(0) @binding(1) var<storage, read_write> y: array<f32>;
 *       @compute @workgroup_size(64)
 *       fn main(@builtin(global_invocation_id) id: vec3u) {
 *         if (id.x < arrayLength(&y)) { y[id.x] = 2 * x[id.x]; }
 *       }`);
 *     const x = compute.upload(new Float32Array(1000));
 *     const y = compute.allocate(4 * 1000);
 *     const swap = [compute.pass(double, [x, y], [1000 / 64]), compute.pass(double, [y, x], [1000 / 64])];
 *     for (let step = 0; step < 50; step++) compute.submit(swap);
 *     const result = await compute.read(x, Float32Array);
 *     compute.release(x, y);
 *
 * Four rules are easy to miss. The shader must use every binding that is passed, because layouts are
 * inferred. Float constants fold (`0.0 / 0.0` is an error), and WGSL may assume that NaN and infinity do not
 * occur. The size of a uniform is a multiple of 16 bytes. `atomicAdd` is for integers, so sums are made in
 * workgroup memory, in a fixed order.
 */
import type { Tensor, TensorInfo } from '@tensorflow/tfjs';
import type { WebGPUBackend } from '@tensorflow/tfjs-backend-webgpu';
import { whileAwaiting } from '../../timing/phases.ts';
import { noteFed, noteFetched } from '../../timing/transfers.ts';
import { openBackend } from '../backend.ts';
import { tf } from '../tf.ts';
import { openDevice } from './device.ts';
import { bufferOf, flush } from './tfjs-backend.ts';

/** Four-byte elements, like WGSL's f32, i32 and u32. */
export type DeviceArray = Float32Array | Int32Array | Uint32Array;

/** One dispatch, which is made once and can be submitted any number of times. */
export interface Pass {
  readonly pipeline: GPUComputePipeline;
  readonly bindings: GPUBindGroup;
  readonly workgroups: readonly [x: number, y: number, z: number];
}

export interface Compute {
  readonly device: GPUDevice;
  /**
   * Compiles `wgsl`, once per process and set of `constants` (WGSL `override` values). `entry` is the
   * function to run. Throws an Error with the compiler's message and the line.
   */
  pipeline(
    wgsl: string,
    options?: { readonly entry?: string; readonly constants?: Readonly<Record<string, number>> },
  ): Promise<GPUComputePipeline>;
  /** A storage buffer with these elements. */
  upload(data: DeviceArray): GPUBuffer;
  /** A storage buffer of zeros, at most `device.limits.maxStorageBufferBindingSize` bytes. */
  allocate(bytes: number): GPUBuffer;
  /**
   * A uniform buffer. The parts are laid out one after another; the caller adds the padding that a WGSL
   * struct needs.
   */
  uniform(...parts: readonly DeviceArray[]): GPUBuffer;
  /**
   * Writes `data` to the start of `buffer`, after everything submitted before and before everything submitted
   * later.
   */
  write(buffer: GPUBuffer, data: DeviceArray): void;
  /**
   * Binds `buffers` to @group(0) @binding(0 …). `workgroups` are rounded up. Throws `RangeError` if an axis
   * has more of them than the device allows (`maxComputeWorkgroupsPerDimension`, 65,535).
   */
  pass(
    pipeline: GPUComputePipeline,
    buffers: readonly GPUBuffer[],
    workgroups: readonly [x: number, y?: number, z?: number],
  ): Pass;
  /**
   * Queues `passes` in order and returns at once. Each sees what those before it wrote, including the work of
   * TensorFlow.js.
   */
  submit(passes: readonly Pass[]): void;
  /**
   * Waits for the device and copies the buffer back. Throws `DeviceError` for any failure on the device since
   * the last read.
   */
  read<A extends DeviceArray>(buffer: GPUBuffer, type: new (bytes: ArrayBuffer) => A): Promise<A>;
  /** The buffer of a float32 or int32 tensor of the webgpu backend. It lives as long as the tensor does. */
  bufferOf(tensor: TensorInfo): GPUBuffer;
  /** A tensor with a copy of the buffer's content. */
  tensorOf(buffer: GPUBuffer, shape: readonly number[], dtype: 'float32' | 'int32'): Tensor;
  /** Frees the buffers as soon as the submitted work that uses them is done. */
  release(...buffers: readonly GPUBuffer[]): void;
}

let opened: Promise<Compute> | undefined;

/** Opens the webgpu backend and makes it the current one. Throws `BackendError` if it is not ready. */
export async function openCompute(): Promise<Compute> {
  await openBackend('webgpu');
  opened ??= create();
  return opened;
}

async function create(): Promise<Compute> {
  const { device, throwFault } = await openDevice();
  const backend = tf.backend() as unknown as WebGPUBackend;
  const pipelines = new Map<string, Promise<GPUComputePipeline>>();
  const storage = GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_SRC | GPUBufferUsage.COPY_DST;

  const filled = (parts: readonly DeviceArray[], usage: number, multiple: number): GPUBuffer => {
    const bytes = parts.reduce((sum, { byteLength }) => sum + byteLength, 0);
    const size = Math.max(multiple, Math.ceil(bytes / multiple) * multiple);
    const buffer = device.createBuffer({ size, usage, mappedAtCreation: true });
    const target = new Uint8Array(buffer.getMappedRange());
    let at = 0;
    for (const { buffer: source, byteOffset, byteLength } of parts) {
      target.set(new Uint8Array(source, byteOffset, byteLength), at);
      at += byteLength;
    }
    buffer.unmap();
    noteFed(bytes);
    return buffer;
  };

  return {
    device,
    pipeline(wgsl, { entry = 'main', constants = {} } = {}) {
      const key = JSON.stringify([wgsl, entry, constants]);
      let pipeline = pipelines.get(key);
      if (pipeline === undefined) {
        pipeline = compile(device, wgsl, entry, constants);
        pipelines.set(key, pipeline);
      }
      return pipeline;
    },
    upload: (data) => filled([data], storage, 4),
    allocate: (bytes) => device.createBuffer({ size: Math.max(4, Math.ceil(bytes / 4) * 4), usage: storage }),
    uniform: (...parts) => filled(parts, GPUBufferUsage.UNIFORM | GPUBufferUsage.COPY_DST, 16),
    write(buffer, data) {
      flush(backend);
      device.queue.writeBuffer(buffer, 0, data);
      noteFed(data.byteLength);
    },
    pass(pipeline, buffers, workgroups) {
      const [x, y, z] = [workgroups[0], workgroups[1] ?? 1, workgroups[2] ?? 1].map(Math.ceil) as [
        number,
        number,
        number,
      ];
      const most = device.limits.maxComputeWorkgroupsPerDimension;
      if (Math.max(x, y, z) > most)
        throw new RangeError(`${x} × ${y} × ${z} workgroups are too many: an axis holds at most ${most}`);
      const bindings = device.createBindGroup({
        layout: pipeline.getBindGroupLayout(0),
        entries: buffers.map((buffer, binding) => ({ binding, resource: { buffer } })),
      });
      return { pipeline, bindings, workgroups: [x, y, z] };
    },
    submit(passes) {
      flush(backend);
      const encoder = device.createCommandEncoder();
      const recorded = encoder.beginComputePass();
      for (const { pipeline, bindings, workgroups } of passes) {
        recorded.setPipeline(pipeline);
        recorded.setBindGroup(0, bindings);
        recorded.dispatchWorkgroups(...workgroups);
      }
      recorded.end();
      device.queue.submit([encoder.finish()]);
    },
    async read(buffer, type) {
      flush(backend);
      const staging = device.createBuffer({
        size: buffer.size,
        usage: GPUBufferUsage.COPY_DST | GPUBufferUsage.MAP_READ,
      });
      const encoder = device.createCommandEncoder();
      encoder.copyBufferToBuffer(buffer, 0, staging, 0, buffer.size);
      device.queue.submit([encoder.finish()]);
      try {
        await whileAwaiting('backend', () => staging.mapAsync(GPUMapMode.READ));
        const result = new type(staging.getMappedRange().slice(0));
        throwFault();
        noteFetched(buffer.size);
        return result;
      } catch (error) {
        throwFault();
        throw error;
      } finally {
        staging.destroy();
      }
    },
    bufferOf: (tensor) => bufferOf(backend, tensor),
    tensorOf: (buffer, shape, dtype) => tf.tensor({ buffer, zeroCopy: false }, [...shape], dtype),
    release(...buffers) {
      flush(backend);
      for (const buffer of buffers) buffer.destroy();
    },
  };
}

async function compile(
  device: GPUDevice,
  code: string,
  entryPoint: string,
  constants: Readonly<Record<string, number>>,
): Promise<GPUComputePipeline> {
  device.pushErrorScope('validation');
  const module = device.createShaderModule({ code });
  const error = await device.popErrorScope();
  if (error !== null) throw new Error(`WGSL: ${error.message}`);
  return device.createComputePipelineAsync({ layout: 'auto', compute: { module, entryPoint, constants } });
}
