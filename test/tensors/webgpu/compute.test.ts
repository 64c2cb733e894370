import { beforeAll, describe, expect, it } from 'vitest';
import { measureTransfers } from '../../../src/timing/transfers.ts';
import { tf } from '../../../src/tensors/tf.ts';
import { openCompute } from '../../../src/tensors/webgpu/compute.ts';
import type { Compute } from '../../../src/tensors/webgpu/compute.ts';
import { hasWebgpu } from '../backends.ts';

const double = `
  @group(0) @binding(0) var<storage, read> x: array<f32>;
  @group(0) @binding(1) var<storage, read_write> y: array<f32>;
  @compute @workgroup_size(64)
  fn main(@builtin(global_invocation_id) id: vec3u) {
    if (id.x < arrayLength(&y)) { y[id.x] = 2 * x[id.x]; }
  }`;

describe.runIf(hasWebgpu)('our own WGSL', () => {
  let compute: Compute;
  beforeAll(async () => {
    compute = await openCompute();
  });

  it('runs many passes and reads once', async () => {
    const pipeline = await compute.pipeline(double);
    const start = Float32Array.from({ length: 1000 }, (_, index) => index - 500);
    const x = compute.upload(start);
    const y = compute.allocate(4 * 1000);
    const there = compute.pass(pipeline, [x, y], [1000 / 64]);
    const back = compute.pass(pipeline, [y, x], [1000 / 64]);
    for (let step = 0; step < 5; step++) compute.submit([there, back]);
    expect(await compute.read(x, Float32Array)).toEqual(start.map((value) => value * 1024));
    compute.release(x, y);
  });

  it('notes the bytes that cross to the device and back, of tensors too', async () => {
    const transfers = measureTransfers();
    const x = compute.upload(new Float32Array(100));
    const one = compute.uniform(Uint32Array.of(3));
    compute.write(x, new Float32Array(10));
    expect(transfers()).toEqual({ fed: 400 + 4 + 40, fetched: 0 });
    await compute.read(x, Float32Array);
    expect(transfers()).toEqual({ fed: 444, fetched: 400 });
    // Tensors of some size, because the package computes small ones itself; the same tensor goes there once.
    const values = tf.tensor1d(Float32Array.from({ length: 2000 }, (_, at) => at));
    const sum = tf.tidy(() => tf.add(tf.mul(values, 2), values));
    expect((await sum.data())[1999]).toBe(3 * 1999);
    const { fed, fetched } = transfers();
    expect(fed - 444).toBeGreaterThanOrEqual(8000);
    expect(fed - 444).toBeLessThan(8000 + 16);
    expect(fetched).toBe(400 + 8000);
    tf.dispose([values, sum]);
    compute.release(x, one);
  });

  it('takes uniforms, constants and integers', async () => {
    const pipeline = await compute.pipeline(
      `override factor: i32;
       struct Shape { rows: u32, shift: f32 }
       @group(0) @binding(0) var<uniform> shape: Shape;
       @group(0) @binding(1) var<storage, read_write> y: array<i32>;
       @compute @workgroup_size(1)
       fn rows(@builtin(global_invocation_id) id: vec3u) {
         y[id.y * shape.rows + id.x] += factor * i32(id.x) + i32(shape.shift);
       }`,
      { entry: 'rows', constants: { factor: -3 } },
    );
    const shape = compute.uniform(Uint32Array.of(3), Float32Array.of(10));
    const y = compute.upload(Int32Array.of(0, 100, 200, 300, 400, 500));
    compute.submit([compute.pass(pipeline, [shape, y], [3, 2])]);
    expect([...(await compute.read(y, Int32Array))]).toEqual([10, 107, 204, 310, 407, 504]);
    compute.write(y, Int32Array.of(7));
    expect([...(await compute.read(y, Int32Array))]).toEqual([7, 107, 204, 310, 407, 504]);
  });

  it('compiles a shader once, and says what is wrong with one', async () => {
    expect(await compute.pipeline(double)).toBe(await compute.pipeline(double));
    await expect(compute.pipeline('fn main() { let a: i32 = 1.5; }')).rejects.toThrow(/WGSL[^]*:1:\d+ error/);
  });

  it('shares buffers with TensorFlow.js, in order', async () => {
    const pipeline = await compute.pipeline(double);
    const tensor = tf.add(tf.ones([70]), tf.range(0, 70));
    const y = compute.allocate(4 * 70);
    compute.submit([compute.pass(pipeline, [compute.bufferOf(tensor), y], [2])]);
    const after = tf.add(compute.tensorOf(y, [7, 10], 'float32'), 1);
    compute.release(y);
    expect(after.shape).toEqual([7, 10]);
    expect([...(await after.data())]).toEqual(Array.from({ length: 70 }, (_, index) => 2 * (index + 1) + 1));
  });

  it('reports what the device refuses when the result is read', async () => {
    const y = compute.allocate(4);
    compute.device.createBuffer({ size: 16, usage: 0 });
    await expect(compute.read(y, Float32Array)).rejects.toThrow(/WebGPU: .*usage/is);
    expect([...(await compute.read(y, Float32Array))]).toEqual([0]);
    compute.allocate(compute.device.limits.maxBufferSize + 4);
    await expect(compute.read(y, Float32Array)).rejects.toMatchObject({ outOfMemory: true });
    expect(() => compute.pass({} as GPUComputePipeline, [], [70_000])).toThrow(RangeError);
  });
});
