/**
 * TensorFlow itself, on all cores or on a CUDA device, through the binding that `ravelin setup tensorflow`
 * compiles.
 */
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { totalmem } from 'node:os';
import { join } from 'node:path';
import { bindingPackage, bindingPackageName, findTensorflow, quietAddon } from '../../setup/locations.ts';
import type { BindingPackage, TensorflowBuild } from '../../setup/locations.ts';
import { oneDnnVariable, usesOneDnn } from '../../setup/one-dnn.ts';
import type { BackendDriver, BackendProbe } from '../driver.ts';
import { reinstall } from '../../setup/reinstall.ts';
import { timed } from '../../timing/phases.ts';
import type { TensorflowBackend } from './raw.ts';
import { cudaIdentity, prepareCuda, requireCuda } from './cuda.ts';

/** Raise this when a kernel in this folder, or a network as a graph, computes other bits than before. */
const kernelsVersion = 2;

export const tensorflowDriver: BackendDriver = {
  name: 'tensorflow',
  version,
  probe,
  mayHaveGpu: () => true,
  open,
};

function version(): string {
  const { ready, version: found, why } = probe();
  if (!ready) throw new Error(why ?? 'not ready');
  return found!;
}

function probe(): BackendProbe {
  const found = locate();
  if (typeof found === 'string')
    return { name: 'tensorflow', ready: false, version: null, device: null, why: found };
  const { version: number, gpu, folder } = found.build;
  const oneDnn = !gpu && usesOneDnn(folder);
  return {
    name: 'tensorflow',
    ready: true,
    version: `${number}${gpu ? cudaIdentity(process.env) : ''}${oneDnn ? '-onednn' : ''}+${kernelsVersion}`,
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
function locate(): { readonly build: TensorflowBuild; readonly from: BindingPackage } | string {
  const from = bindingPackage();
  if (from === null) return `the package ${bindingPackageName} is not installed; ${reinstall()}`;
  const build = findTensorflow(from);
  return build === null ? 'TensorFlow is not set up; run ravelin setup tensorflow' : { build, from };
}

async function open(): Promise<void> {
  const found = locate();
  if (typeof found === 'string') throw new Error(found);
  const { build, from } = found;
  // TensorFlow reads these once, when it is loaded.
  process.env['TF_CPP_MIN_LOG_LEVEL'] ??= '2';
  process.env[oneDnnVariable] = usesOneDnn(build.folder) ? '1' : '0';
  if (build.gpu) prepareCuda(process.env);
  const threads = process.env['RAVELIN_THREADS'];
  if (threads !== undefined) process.env['TF_NUM_INTRAOP_THREADS'] ??= threads;
  const { tf } = await import('../tf.ts');
  const require = createRequire(join(from.folder, 'package.json'));
  restoreUtilities(require);
  // The package finds its binding with this, in a folder of its own in node_modules, which the next npm ci
  // empties.
  const finder = require('@mapbox/node-pre-gyp/lib/pre-binding') as { find: () => string };
  finder.find = () => build.binding;
  const addon = quietAddon(build.binding);
  const quiet = existsSync(addon) ? (require(addon) as { mute: () => void; unmute: () => void }) : null;
  quiet?.mute();
  try {
    require(from.folder);
  } finally {
    quiet?.unmute();
  }
  // Another copy of TensorFlow.js in the package would have registered the backend there.
  if (!(await tf.setBackend('tensorflow')))
    throw new Error(
      `${bindingPackageName} uses another copy of TensorFlow.js than ravelin does; run npm dedupe`,
    );
  const backend = tf.backend() as unknown as {
    readonly isUsingGpuDevice: boolean;
    binding: TensorflowBackend['binding'];
  };
  const { isUsingGpuDevice } = backend;
  if (build.gpu) requireCuda(isUsingGpuDevice, process.env);
  const { registerTensorflowKernels } = await import('./register.ts');
  registerTensorflowKernels();
  backend.binding = timedBinding(backend.binding);
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
