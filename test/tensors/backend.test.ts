import { createRequire } from 'node:module';
import { describe, expect, it } from 'vitest';
import {
  BackendError,
  bestBackend,
  numericIdentity,
  openBackend,
  probeBackends,
} from '../../src/tensors/backend.ts';
import { readyBackends } from './backends.ts';

const installed = (
  createRequire(import.meta.url)('@tensorflow/tfjs-backend-wasm/package.json') as { version: string }
).version;

describe('backends', () => {
  it('tell their numeric identity without loading TensorFlow.js', () => {
    expect(numericIdentity('wasm')).toEqual({
      backend: 'wasm',
      version: expect.stringMatching(`^${installed}\\+\\d+$`) as string,
    });
    // The worker's cache of loaded CommonJS modules holds TensorFlow.js once anything imports it.
    const loaded = Object.keys(createRequire(import.meta.url).cache).filter((file) =>
      file.includes('@tensorflow/tfjs'),
    );
    expect(loaded.filter((file) => file.endsWith('.js'))).toEqual([]);
  });

  it('are probed with a reason or none', () => {
    for (const { ready, version, device, why } of probeBackends()) {
      expect([version, device, why].map((part) => part === null)).toEqual([!ready, !ready, ready]);
    }
    expect(probeBackends().map(({ name }) => name)).toEqual(['tensorflow', 'webgpu', 'wasm']);
    expect(readyBackends).toContain('wasm');
  });

  it('are chosen by their device: a GPU before the CPU, never a GPU in software', () => {
    const devices = new Map(probeBackends().map(({ name, device }) => [name, device?.kind]));
    const onGpu = ['tensorflow', 'webgpu'].find((name) => devices.get(name) === 'gpu');
    expect(bestBackend()).toBe(onGpu ?? ['tensorflow', 'wasm'].find((name) => devices.get(name) === 'cpu'));
  });

  it('that this machine must have are ready', () => {
    const required = (process.env['RAVELIN_REQUIRE_BACKENDS'] ?? 'wasm').split(',');
    expect(readyBackends).toEqual(expect.arrayContaining(required));
  });

  it('open once, and quietly', async () => {
    const handlers = [
      process.listenerCount('uncaughtException'),
      process.listenerCount('unhandledRejection'),
    ];
    const [first, second] = await Promise.all([openBackend('wasm'), openBackend('wasm')]);
    expect(second).toBe(first);
    expect([process.listenerCount('uncaughtException'), process.listenerCount('unhandledRejection')]).toEqual(
      handlers,
    );
  });

  it('name those that exist', async () => {
    await expect(openBackend('cuda')).rejects.toThrow(
      new BackendError("unknown backend 'cuda'; known: tensorflow, webgpu, wasm"),
    );
  });

  it('say when the wasm heap is full, and go on', async () => {
    await openBackend('wasm');
    const { tf } = await import('../../src/tensors/tf.ts');
    const { wasm } = tf.backend() as unknown as {
      wasm: { _malloc: (bytes: number) => number; _free: (address: number) => void };
    };
    const row = tf.ones([1, 2 ** 20]);
    // Reserved and never touched, so that no memory is taken from the machine.
    const reserved: number[] = [];
    const room = 2 ** 28;
    expect(() => {
      for (;;) reserved.push(wasm._malloc(room));
    }).toThrow(`the wasm heap has no room for ${room} bytes`);
    expect(() => tf.tile(row, [room / 2 ** 22, 1])).toThrow(
      expect.objectContaining({ outOfMemory: true }) as Error,
    );
    for (const address of reserved) wasm._free(address);
    expect((await tf.tile(row, [2, 1]).sum().data())[0]).toBe(2 ** 21);
  });
});
