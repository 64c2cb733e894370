import { createRequire } from 'node:module';
import { describe, expect, it } from 'vitest';
import { BackendError, numericIdentity, openBackend, probeBackends } from '../../src/tensors/backend.ts';

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

  it('are probed with a reason or none', async () => {
    expect(await probeBackends()).toEqual([
      { name: 'wasm', ready: true, version: expect.any(String) as string, why: null },
    ]);
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
      new BackendError("'cuda' is not a backend; there is wasm"),
    );
  });
});
