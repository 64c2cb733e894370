/**
 * TensorFlow itself, on all cores or on a CUDA device, through the binding that `ravelin setup tensorflow`
 * compiles.
 */
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { totalmem } from 'node:os';
import { bindingPackageName, findTensorflow, quietAddon } from '../../setup/locations.ts';
import type { TensorflowBuild } from '../../setup/locations.ts';
import { oneDnnVariable, usesOneDnn } from '../../setup/one-dnn.ts';
import type { BackendDriver, BackendProbe } from '../driver.ts';
import { timed } from '../../timing/phases.ts';
import { countingBinding } from './bus.ts';
import { type ContextBinding, prepareContext } from './context.ts';
import {
  chooseTf32,
  type CudaDevice,
  cudaDevice,
  cudaIdentity,
  deviceHere,
  prepareCuda,
  requireCuda,
  requireDevice,
} from './cuda.ts';
import { takesKernelsOnCpu } from './kernels-on-cpu.ts';
import type { TensorflowBackend } from './raw.ts';

/** Raise this when a kernel in this folder, or a network as a graph, computes other bits than before. */
const kernelsVersion = 3;

export const tensorflowDriver: BackendDriver = {
  name: 'tensorflow',
  version,
  versionHere,
  probe,
  mayHaveGpu: () => true,
  open,
};

function version(): string {
  const { ready, version: found, why } = probe();
  if (!ready) throw new Error(why ?? 'not ready');
  return found!;
}

/** The version of what this process computes on, where `version` is what a plan is for: RAVELIN_CUDA_CAPABILITY says nothing here. */
function versionHere(): string {
  const build = locate();
  if (typeof build === 'string') throw new Error(build);
  return versionOn(build, () => deviceHere(build.folder, process.env));
}

function versionOn(build: TensorflowBuild, device: () => CudaDevice): string {
  const oneDnn = !build.gpu && usesOneDnn(build.folder) ? '-onednn' : '';
  const kernels = !build.gpu && takesKernelsOnCpu(process.env) ? '-kernels' : '';
  const cuda = build.gpu ? cudaIdentity(process.env, device()) : '';
  return `${build.version}${cuda}${oneDnn}${kernels}+${kernelsVersion}`;
}

function probe(): BackendProbe {
  const found = locate();
  if (typeof found === 'string')
    return { name: 'tensorflow', ready: false, version: null, device: null, why: found };
  const { gpu, folder } = found;
  const oneDnn = usesOneDnn(folder);
  return {
    name: 'tensorflow',
    ready: true,
    version: versionOn(found, () => cudaDevice(folder, process.env)),
    device: gpu
      ? { kind: 'gpu', name: 'a CUDA device', memory: null, threads: 'its cores' }
      : {
          kind: 'cpu',
          name: `the CPU, ${oneDnn ? 'with' : 'without'} oneDNN`,
          memory: totalmem(),
          threads: 'its cores',
        },
    why: null,
  };
}

/** Finds the build to load, or returns why there is none. */
function locate(): TensorflowBuild | string {
  return findTensorflow() ?? 'TensorFlow is not set up; run ravelin setup tensorflow';
}

async function open(): Promise<void> {
  const build = locate();
  if (typeof build === 'string') throw new Error(build);
  // TensorFlow reads these once, when it is loaded.
  process.env['TF_CPP_MIN_LOG_LEVEL'] ??= '2';
  process.env[oneDnnVariable] = usesOneDnn(build.folder) ? '1' : '0';
  if (build.gpu) prepareCuda(process.env);
  prepareContext(process.env, build.gpu);
  const threads = process.env['RAVELIN_THREADS'];
  if (threads !== undefined) process.env['TF_NUM_INTRAOP_THREADS'] ??= threads;
  const { tf } = await import('../tf.ts');
  const require = createRequire(import.meta.url);
  restoreUtilities(require);
  const addon = quietAddon(build.binding);
  const quiet = existsSync(addon) ? (require(addon) as { mute: () => void; unmute: () => void }) : null;
  const { loadBindingBackend } = await import('../packages.ts');
  const BindingBackend = loadBindingBackend();
  quiet?.mute();
  try {
    // The package's own entry looks for the binding in node_modules, and brings layers and callbacks that nothing here uses.
    const binding = require(build.binding) as unknown;
    tf.registerBackend('tensorflow', () => new BindingBackend(binding, bindingPackageName));
    if (!(await tf.setBackend('tensorflow'))) throw new Error('TensorFlow.js refused its tensorflow backend');
  } finally {
    quiet?.unmute();
  }
  const backend = tf.backend() as unknown as {
    readonly isUsingGpuDevice: boolean;
    binding: TensorflowBackend['binding'] & ContextBinding;
  };
  if (build.gpu) {
    requireCuda(backend.isUsingGpuDevice, process.env);
    chooseTf32(backend.binding, process.env);
    requireDevice(cudaDevice(build.folder, process.env), backend.binding.cudaFacts?.() ?? {}, process.env);
  }
  const { registerTensorflowKernels } = await import('./register.ts');
  registerTensorflowKernels();
  backend.binding = countingBinding(timedBinding(backend.binding));
}

/** The same binding, each call of which counts as the phase `backend`. */
function timedBinding<Binding extends object>(binding: Binding): Binding {
  const copy: Record<string, unknown> = {};
  // Its properties are neither enumerable nor writable.
  for (const name of Object.getOwnPropertyNames(binding)) {
    const value: unknown = binding[name as keyof Binding];
    copy[name] = typeof value === 'function' ? timed('backend', value.bind(binding) as () => unknown) : value;
  }
  return copy as Binding;
}

/** Restores functions of Node's `util` that the package calls and Node 23 removed. */
function restoreUtilities(require: NodeJS.Require): void {
  const util = require('node:util') as Record<string, unknown>;
  util['isNullOrUndefined'] ??= (value: unknown) => value === null || value === undefined;
  util['isArray'] ??= Array.isArray;
}
