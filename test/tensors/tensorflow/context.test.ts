/** The context of TensorFlow on a GPU: what it is made from, and what the compiled binding does with it on any build. */
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { afterAll, describe, expect, it, vi } from 'vitest';
import { findTensorflow, lackingAdditions, tensorflowFolder } from '../../../src/setup/locations.ts';
import { openBackend } from '../../../src/tensors/backend.ts';
import {
  type ContextBinding,
  contextConfig,
  cpuContextConfig,
  describeContext,
  memoryShare,
  prepareContext,
} from '../../../src/tensors/tensorflow/context.ts';
import { allowsTf32, chooseTf32, requireDevice } from '../../../src/tensors/tensorflow/cuda.ts';
import { tf } from '../../../src/tensors/tf.ts';

describe('the share of a GPU of a process', () => {
  it('is that of the user, else that of the pool, else that of MPS, else all of it', () => {
    const pool = { RAVELIN_GPU_SHARE: '0.4', CUDA_MPS_ACTIVE_THREAD_PERCENTAGE: '50' };
    expect(memoryShare({ ...pool, RAVELIN_GPU_MEMORY: '0.25' })).toBe(0.25);
    expect(memoryShare(pool)).toBe(0.4);
    expect(memoryShare({ CUDA_MPS_ACTIVE_THREAD_PERCENTAGE: '50' })).toBe(0.45);
    expect(memoryShare({ CUDA_MPS_ACTIVE_THREAD_PERCENTAGE: '100' })).toBeNull();
    expect(memoryShare({ RAVELIN_GPU_MEMORY: '' })).toBeNull();
  });

  it.each(['0', '1.5', '-1', 'half', '25%'])('is an error if the user gives %j', (given) => {
    expect(() => memoryShare({ RAVELIN_GPU_MEMORY: given })).toThrow(
      `RAVELIN_GPU_MEMORY must be a share of the GPU's memory above 0 and up to 1, such as 0.25; it is '${given}'`,
    );
  });

  it('becomes a ConfigProto, the bytes of which Google’s library writes too', () => {
    // tensorboard.compat.proto.config_pb2: per_process_gpu_memory_fraction = 0.25, allow_growth = True.
    expect(contextConfig(0.25)).toBe('320b09000000000000d03f2001');
    expect(contextConfig(null)).toBe('');
    const environment: Record<string, string | undefined> = { RAVELIN_GPU_SHARE: '0.25' };
    prepareContext(environment, true);
    expect(environment['RAVELIN_CONTEXT_CONFIG']).toBe(contextConfig(0.25));
    delete environment['RAVELIN_GPU_SHARE'];
    prepareContext(environment, true);
    expect(environment['RAVELIN_CONTEXT_CONFIG']).toBe('');
  });
});

it('lets no thread wait in a loop on the CPU, by the bytes that Google’s library writes', () => {
  // tensorflow.core.protobuf.config_pb2: experimental { disable_thread_spinning: true }.
  const environment: Record<string, string | undefined> = { RAVELIN_GPU_SHARE: '0.25' };
  prepareContext(environment, false);
  expect(environment['RAVELIN_CONTEXT_CONFIG']).toBe('8201024801');
});

describe('TF32', () => {
  it('is off unless the user allows it, and a binding that does not take it is an error', () => {
    let isOn = true;
    const binding = {
      setTensorFloat32: (isAllowed: boolean) => void (isOn = isAllowed),
      tensorFloat32: () => isOn,
    };
    chooseTf32(binding, {});
    expect(isOn).toBe(false);
    chooseTf32(binding, { NVIDIA_TF32_OVERRIDE: '1' });
    expect(isOn).toBe(true);
    expect(() => chooseTf32({ ...binding, setTensorFloat32: () => undefined }, {})).toThrow(
      'TensorFlow did not turn TF32 off',
    );
    // A binding that an earlier ravelin compiled has the variable only.
    expect(() => chooseTf32({}, {})).not.toThrow();
    expect(allowsTf32({ NVIDIA_TF32_OVERRIDE: '0' })).toBe(false);
  });
});

describe('the device that CUDA opened', () => {
  const planned = { cudnn: '9.28.0.42', capability: '9.0' };

  it('must be the one in the identity of the results, and so must cuDNN', () => {
    const unknown = { cudnn: null, capability: null };
    expect(() => requireDevice(planned, { capability: '9.0', cudnn: 92_800 }, {})).not.toThrow();
    expect(() => requireDevice(planned, {}, {})).not.toThrow();
    expect(() => requireDevice(unknown, { capability: '8.0' }, {})).toThrow(
      /nvidia-smi does not say which GPU this is.*; set RAVELIN_CUDA_CAPABILITY=8\.0$/,
    );
    const inSetUp = { RAVELIN_TENSORFLOW: '/home/me/tensorflow-gpu' };
    expect(() => requireDevice(unknown, { capability: '8.0' }, inSetUp)).not.toThrow();
    expect(() => requireDevice(planned, { capability: '8.0' }, {})).toThrow(
      /compute capability 8\.0, but its results would be those of 9\.0; unset RAVELIN_CUDA_CAPABILITY/,
    );
    expect(() => requireDevice(planned, { capability: '9.0', cudnn: 80_907 }, {})).toThrow(
      /cuDNN 80907 was loaded instead of that of the set-up \(9\.28\.0\.42, 92800\).*LD_LIBRARY_PATH/,
    );
  });
});

it('describes the context of a GPU for people', () => {
  const gpu = { name: '/device:GPU:0', type: 'GPU', memoryBytes: 23.5 * 2 ** 30 };
  expect(
    describeContext({
      contextDevices: () => [{ name: '/device:CPU:0', type: 'CPU', memoryBytes: 2 ** 28 }, gpu],
      tensorFloat32: () => false,
      isDeterministic: () => true,
    }),
  ).toBe('23.5 GiB of its memory, float32, deterministic');
  expect(describeContext({})).toBe('');
});

const build = findTensorflow();
const isReady = build !== null && !lackingAdditions(build).includes('context');
if (!isReady)
  process.stderr.write('SKIPPED: the context of TensorFlow; ravelin setup tensorflow compiles its binding\n');

describe.skipIf(!isReady)('the compiled binding', () => {
  const folder = mkdtempSync(join(tmpdir(), 'ravelin-context-'));
  afterAll(() => {
    vi.unstubAllEnvs();
    rmSync(folder, { recursive: true });
  });

  /** Loads the binding in a process of its own, because its context is made once. */
  const load = (code: string, environment: Readonly<Record<string, string>> = {}): unknown => {
    const script = `const binding = require(${JSON.stringify(build!.binding)}); console.log(JSON.stringify(${code}));`;
    const env = { PATH: process.env['PATH'], TF_CPP_MIN_LOG_LEVEL: '2', ...environment };
    const { stdout, stderr } = spawnSync(process.execPath, ['-e', script], { env, encoding: 'utf8' });
    return stdout === '' ? stderr : JSON.parse(stdout);
  };

  it('makes its context as ever without a configuration', () => {
    const [device] = load('binding.contextDevices()') as { name: string }[];
    expect(device).toMatchObject({ type: 'CPU', memoryBytes: 2 ** 28 });
    expect(load('binding.contextConfig')).toBe('');
  });

  it('makes its context with a configuration, which TensorFlow reads', () => {
    const config = contextConfig(0.25);
    expect(load('binding.contextConfig', { RAVELIN_CONTEXT_CONFIG: config })).toBe(config);
    // device_count {"CPU": 2} in the same message shows that the context is made from it.
    const twoDevices = `0a070a034350551002${config}`;
    expect(load('binding.contextDevices().length', { RAVELIN_CONTEXT_CONFIG: twoDevices })).toBe(2);
    expect(load('0', { RAVELIN_CONTEXT_CONFIG: config.slice(0, -2) })).toMatch('Unparseable ConfigProto');
  });

  it('takes the configuration of the CPU', () => {
    expect(load('binding.contextConfig', { RAVELIN_CONTEXT_CONFIG: cpuContextConfig })).toBe(
      cpuContextConfig,
    );
  });

  it('turns TF32 off and on, and says whether operations are deterministic', () => {
    const code =
      '[binding.tensorFloat32(), binding.setTensorFloat32(false), binding.tensorFloat32(), binding.setTensorFloat32(true), binding.tensorFloat32()]';
    expect(load(code)).toEqual([true, null, false, null, true]);
    expect(load('binding.isDeterministic()')).toBe(false);
    expect(load('binding.isDeterministic()', { TF_DETERMINISTIC_OPS: '1' })).toBe(true);
  });

  it('asks the driver itself for the compute capability of the last device', () => {
    expect(load('binding.cudaFacts().cudnn ?? null')).toBeNull();
    // A driver with two devices, the second of which is an H100.
    const source = join(folder, 'driver.c');
    writeFileSync(
      source,
      `int cuInit(unsigned flags) { return 0; }
int cuDeviceGetCount(int *count) { *count = 2; return 0; }
int cuDeviceGet(int *device, int ordinal) { *device = 40 + ordinal; return 0; }
int cuDeviceGetAttribute(int *value, int attribute, int device) {
  *value = device == 41 && attribute == 75 ? 9 : attribute == 76 ? 0 : 1;
  return 0;
}
`,
    );
    execFileSync('cc', ['-shared', '-fPIC', source, '-o', join(folder, 'libcuda.so.1')]);
    expect(load('binding.cudaFacts()', { LD_LIBRARY_PATH: folder })).toEqual({ capability: '9.0' });
  });

  it('gets all of it from a worker on a build for CUDA, which without a GPU is an error', async () => {
    // The build for the CPU under the name of one for CUDA.
    symlinkSync(build!.folder!, join(folder, basename(tensorflowFolder(true))));
    vi.stubEnv('RAVELIN_HOME', folder);
    vi.stubEnv('RAVELIN_GPU_SHARE', '0.4');
    await expect(openBackend('tensorflow')).rejects.toThrow(/found no CUDA device that it can use/);
    // The set-up may run on a machine without a GPU.
    vi.stubEnv('RAVELIN_TENSORFLOW', tensorflowFolder(true));
    expect((await openBackend('tensorflow')).version).toMatch(/^2\.21\.0-gpu\+\d+$/);
    const { binding } = tf.backend() as unknown as { readonly binding: Required<ContextBinding> };
    expect(binding.contextConfig).toBe(contextConfig(0.4));
    expect(binding.tensorFloat32()).toBe(false);
    expect(binding.isDeterministic()).toBe(true);
  });
});
