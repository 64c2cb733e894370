import { describe, expect, it } from 'vitest';
import { cudaIdentity, prepareCuda, requireCuda } from '../../../src/tensors/tensorflow/cuda.ts';

describe('TensorFlow on a CUDA device', () => {
  it('leaves memory to other workers and computes in float32', () => {
    const environment = {};
    prepareCuda(environment);
    expect(environment).toEqual({ TF_FORCE_GPU_ALLOW_GROWTH: 'true', NVIDIA_TF32_OVERRIDE: '0' });
  });

  it('lets the user decide, and has another identity if the numbers change', () => {
    const environment = { TF_FORCE_GPU_ALLOW_GROWTH: 'false', NVIDIA_TF32_OVERRIDE: '1' };
    prepareCuda(environment);
    expect(environment).toEqual({ TF_FORCE_GPU_ALLOW_GROWTH: 'false', NVIDIA_TF32_OVERRIDE: '1' });
    expect([cudaIdentity({}), cudaIdentity({ NVIDIA_TF32_OVERRIDE: '0' })]).toEqual(['-gpu', '-gpu']);
    expect(cudaIdentity(environment)).toBe('-gpu-tf32');
  });

  it('is an error if TensorFlow fell back to the CPU, except while it is set up', () => {
    expect(() => requireCuda(false, {})).toThrow(/found no CUDA device.*--backend wasm/);
    expect(() => requireCuda(false, { RAVELIN_TENSORFLOW: '/home/me/tensorflow-gpu' })).not.toThrow();
    expect(() => requireCuda(true, {})).not.toThrow();
  });
});
