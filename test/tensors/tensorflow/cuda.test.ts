import { mkdirSync, mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it, vi } from 'vitest';
import {
  capabilityOf,
  cudaDevice,
  cudaIdentity,
  prepareCuda,
  requireCuda,
} from '../../../src/tensors/tensorflow/cuda.ts';
import { memoryOf, visibleGpus } from '../../../src/tensors/tensorflow/visible-gpus.ts';

afterEach(() => {
  vi.unstubAllEnvs();
});

describe('TensorFlow on a CUDA device', () => {
  it('leaves memory to other workers, computes in float32 and the same at each run, and keeps compiled kernels', () => {
    vi.stubEnv('RAVELIN_HOME', '/home/me/ravelin');
    const environment = {};
    prepareCuda(environment);
    expect(environment).toEqual({
      TF_FORCE_GPU_ALLOW_GROWTH: 'true',
      NVIDIA_TF32_OVERRIDE: '0',
      TF_DETERMINISTIC_OPS: '1',
      CUDA_DEVICE_ORDER: 'PCI_BUS_ID',
      CUDA_CACHE_MAXSIZE: '4294967296',
      CUDA_CACHE_PATH: '/home/me/ravelin/cuda-cache',
    });
  });

  it('lets the user decide, and has another identity if the numbers change', () => {
    const given = {
      TF_FORCE_GPU_ALLOW_GROWTH: 'false',
      NVIDIA_TF32_OVERRIDE: '1',
      TF_DETERMINISTIC_OPS: '0',
      CUDA_DEVICE_ORDER: 'FASTEST_FIRST',
      CUDA_CACHE_MAXSIZE: '1',
      CUDA_CACHE_PATH: '/tmp',
    };
    const environment = { ...given };
    prepareCuda(environment);
    expect(environment).toEqual(given);
    const unknown = { cudnn: null, capability: null };
    const device = { cudnn: '9.28.0.42', capability: '9.0' };
    expect(cudaIdentity({}, unknown)).toBe('-gpu');
    expect(cudaIdentity({ NVIDIA_TF32_OVERRIDE: '0', TF_DETERMINISTIC_OPS: '1' }, device)).toBe(
      '-gpu-cudnn9.28.0.42-sm90',
    );
    expect(cudaIdentity({ NVIDIA_TF32_OVERRIDE: '1' }, device)).toBe('-gpu-cudnn9.28.0.42-sm90-tf32');
    expect(cudaIdentity({ TF_DETERMINISTIC_OPS: '0' }, unknown)).toBe('-gpu-varying');
  });

  it('is identified by the wheel of cuDNN and by the compute capability, which a login node is given', () => {
    const folder = mkdtempSync(join(tmpdir(), 'ravelin-gpu-'));
    mkdirSync(join(folder, 'packages/nvidia_cudnn_cu12-9.28.0.42.dist-info'), { recursive: true });
    expect(cudaDevice(folder, { RAVELIN_CUDA_CAPABILITY: '8.0' })).toEqual({
      cudnn: '9.28.0.42',
      capability: '8.0',
    });
    expect(cudaDevice(null, { RAVELIN_CUDA_CAPABILITY: '8.0' }).cudnn).toBeNull();
  });

  it('has the compute capability of the device that a worker sees', () => {
    const rows =
      'NVIDIA A100, 8.0, Default, Disabled, 40960 MiB\nNVIDIA H100, 9.0, Default, Disabled, 81559 MiB\n';
    expect(capabilityOf({}, rows)).toBe('8.0');
    expect(capabilityOf({ CUDA_VISIBLE_DEVICES: '1' }, rows)).toBe('9.0');
    expect(capabilityOf({ CUDA_VISIBLE_DEVICES: '0,1' }, rows)).toBe('9.0');
    expect(capabilityOf({ CUDA_VISIBLE_DEVICES: 'MIG-1' }, rows)).toBe('8.0');
    expect(capabilityOf({ CUDA_VISIBLE_DEVICES: '0' }, '')).toBeNull();
  });

  it('is an error if TensorFlow fell back to the CPU, except while it is set up', () => {
    expect(() => requireCuda(false, {})).toThrow(/found no CUDA device.*--backend wasm/);
    expect(() => requireCuda(false, { RAVELIN_TENSORFLOW: '/home/me/tensorflow-gpu' })).not.toThrow();
    expect(() => requireCuda(true, {})).not.toThrow();
  });
});

describe('the devices of a process', () => {
  const none = (): string => '';
  const four = (): string =>
    [0, 1, 2, 3].map((number) => `GPU ${number}: NVIDIA A100 (UUID: GPU-${number})`).join('\n');
  const divided = (): string =>
    [
      'GPU 0: NVIDIA H100 (UUID: GPU-a)',
      '  MIG 1g.10gb     Device  0: (UUID: MIG-1)',
      '  MIG 1g.10gb     Device  1: (UUID: MIG-2)',
      'GPU 1: NVIDIA H100 (UUID: GPU-b)',
    ].join('\n');

  it('are those that nvidia-smi lists, slices in the place of a divided GPU', () => {
    expect(visibleGpus({}, none)).toEqual([]);
    expect(visibleGpus({}, four)).toEqual(['0', '1', '2', '3']);
    expect(visibleGpus({}, divided)).toEqual(['MIG-1', 'MIG-2', '1']);
  });

  it('are those that Slurm or the user gives, and none if these are hidden', () => {
    expect(visibleGpus({ CUDA_VISIBLE_DEVICES: '2' }, four)).toEqual(['2']);
    expect(visibleGpus({ CUDA_VISIBLE_DEVICES: '0, 3' }, four)).toEqual(['0', '3']);
    expect(visibleGpus({ CUDA_VISIBLE_DEVICES: 'MIG-2' }, divided)).toEqual(['MIG-2']);
    for (const hidden of ['', '-1', 'NoDevFiles'])
      expect(visibleGpus({ CUDA_VISIBLE_DEVICES: hidden }, four)).toEqual([]);
  });

  it('have the memory that nvidia-smi says, but for slices', () => {
    const row = (name: string, memory: string) => `${name}, 9.0, Default, Disabled, ${memory}`;
    const rows = [row('NVIDIA A100', '40960 MiB'), row('NVIDIA H100', '81559 MiB')].join('\n');
    expect(memoryOf('0', rows)).toBe(40 * 2 ** 30);
    expect(memoryOf('1', rows)).toBe(81_559 * 2 ** 20);
    expect(memoryOf('GPU-1', rows)).toBeNull();
    expect(memoryOf('GPU-1', row('NVIDIA A100', '40960 MiB'))).toBe(40 * 2 ** 30);
    expect(memoryOf('MIG-1', rows)).toBeNull();
    expect(memoryOf('0', '')).toBeNull();
    expect(memoryOf('0', row('NVIDIA GB10', '[N/A]'))).toBeNull();
  });
});
