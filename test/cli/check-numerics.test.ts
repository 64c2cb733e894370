import { describe, expect, it } from 'vitest';
import { checkNumerics, remedy } from '../../src/cli/check-numerics.ts';
import { numericsOf, preimageText, stageConstant } from '../../src/runtime/plan/fingerprint.ts';
import type { Stage } from '../../src/runtime/stage.ts';
import { numericIdentity } from '../../src/tensors/backend.ts';

it('finds the backend in the pre-image of a key, and nothing like it in parameters', () => {
  const stage = { uses: 'attack/fgsm', version: 3, libraries: [], device: true } as unknown as Stage;
  const numerics = { backend: 'tensorflow', version: '2.21.0-onednn+2' };
  const text = (identity: typeof numerics | null, parameters: string) =>
    preimageText({
      constant: stageConstant(stage, null, identity),
      withText: parameters,
      inputs: [],
      shard: null,
      chunk: null,
      filesText: null,
    });
  expect(numericsOf(text(numerics, '{}'))).toEqual(numerics);
  expect(numericsOf(text(null, '{}'))).toBeNull();
  expect(numericsOf(text(null, JSON.stringify({ a: JSON.stringify({ numerics }) })))).toBeNull();
});

describe('a worker', () => {
  it('computes what was planned for its own backend', () => {
    expect(() => checkNumerics(numericIdentity('wasm'))).not.toThrow();
  });

  it('refuses what was planned for another version, and says what to do', () => {
    expect(() => checkNumerics({ backend: 'wasm', version: '0.0.1' })).toThrow(
      /computes with wasm \S+, and the run was planned for wasm 0\.0\.1: its results would be stored/,
    );
    expect(() => checkNumerics({ backend: 'abacus', version: '1' })).toThrow(
      /the abacus backend is not ready on .*: unknown backend 'abacus'/,
    );
  });

  it.each([
    ['2.21.0-onednn+2', '2.21.0+2', 'set TF_ENABLE_ONEDNN_OPTS=1 on all machines'],
    ['2.21.0+2', '2.21.0-onednn+2', 'set TF_ENABLE_ONEDNN_OPTS=0 on all machines'],
    ['2.21.0+2', '2.21.0-kernels+2', 'set RAVELIN_TENSORFLOW_KERNELS=0 on all machines'],
    ['2.21.0+2', '2.21.0+3', /^use one ravelin and one set-up of TensorFlow/],
    ['2.21.0-gpu-cudnn9.28.0.42-sm90+2', '2.21.0-onednn+2', /RAVELIN_HOME on a file system that they share/],
    ['2.21.0-gpu-cudnn9.28.0.42-sm90+2', '2.21.0-gpu-cudnn9.3.0.1-sm90+2', /one set-up of TensorFlow/],
    ['2.21.0-gpu-cudnn9.28.0.42-sm90-tf32+2', '2.21.0-gpu-cudnn9.28.0.42-sm90+2', /NVIDIA_TF32_OVERRIDE/],
    [
      '2.21.0-gpu-cudnn9.28.0.42-sm90+2',
      '2.21.0-gpu-cudnn9.28.0.42-sm80+2',
      /^choose nodes with one kind of GPU .*, or plan for this kind of GPU: RAVELIN_CUDA_CAPABILITY=8\.0$/,
    ],
    [
      '2.21.0-gpu-cudnn9.28.0.42+2',
      '2.21.0-gpu-cudnn9.28.0.42-sm120+2',
      'plan for this kind of GPU: RAVELIN_CUDA_CAPABILITY=12.0',
    ],
  ])('planned for %s and computing with %s has a remedy', (planned, here, fix) => {
    const identity = (version: string) => ({ backend: 'tensorflow', version });
    expect(remedy(identity(planned), identity(here))).toMatch(fix);
  });

  it('on another GPU than that of WebGPU in the plan is told to choose nodes', () => {
    const identity = (version: string) => ({ backend: 'webgpu', version });
    expect(remedy(identity('a'), identity('b'))).toMatch(/^choose nodes with the GPU and driver/);
  });
});
