/** Finds TensorFlow and its binding on this machine. Reads a few small files and loads nothing. */
import { existsSync, readdirSync } from 'node:fs';
import { createRequire } from 'node:module';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';
import { readJsonFile } from '../files/read-json.ts';

/** Version of TensorFlow that `ravelin setup tensorflow` installs and that the kernels were tested with. */
export const tensorflowVersion = '2.21.0';

export const bindingPackageName = '@tensorflow/tfjs-node-gpu';

export interface TensorflowBuild {
  /** The compiled addon, absolute. */
  readonly binding: string;
  /** Version of TensorFlow, as far as it is known without loading it. */
  readonly version: string;
  readonly gpu: boolean;
  /** Folder of the set-up that made it; null for a binding that came with the package. */
  readonly folder: string | null;
}

export interface BindingPackage {
  readonly folder: string;
  readonly version: string;
}

/** Folder of ravelin's own downloads, shared by all projects of a user: $RAVELIN_HOME or ~/.cache/ravelin. */
export function ravelinHome(): string {
  const home = process.env['RAVELIN_HOME'];
  return home === undefined || home === '' ? join(homedir(), '.cache', 'ravelin') : home;
}

/**
 * Folder of the TensorFlow that the set-up installs. It is outside node_modules, so that reinstalling
 * packages does not remove it.
 */
export function tensorflowFolder(gpu: boolean): string {
  return join(
    ravelinHome(),
    `tensorflow-${tensorflowVersion}-${process.platform}-${process.arch}${gpu ? '-gpu' : ''}`,
  );
}

/** The npm package whose sources the binding is compiled from; null if it is not installed. */
export function bindingPackage(): BindingPackage | null {
  try {
    const description = createRequire(import.meta.url).resolve(`${bindingPackageName}/package.json`);
    const { version } = readJsonFile(description) as { version: string };
    return { folder: dirname(description), version };
  } catch {
    return null;
  }
}

/** Binding that the package's own install script downloaded; null if that script was not allowed to run. */
export function prebuiltBinding({ folder }: BindingPackage): string | null {
  const library = join(folder, 'lib');
  if (!existsSync(library)) return null;
  const file = readdirSync(library)
    .filter((name) => name.startsWith('napi-v'))
    .map((name) => join(library, name, 'tfjs_binding.node'))
    .find((candidate) => existsSync(candidate));
  return file ?? null;
}

export function compiledBinding(folder: string, { version }: BindingPackage): string {
  return join(folder, `binding-${version}`, 'tfjs_binding.node');
}

/**
 * Addon to load before a compiled binding, which silences TensorFlow while it is loaded. Bindings that the
 * set-up did not compile have none.
 */
export function quietAddon(binding: string): string {
  return join(dirname(binding), 'quiet.node');
}

/** Marks a finished set-up: it is written last, once the binding has computed something. */
export function readyFile(folder: string, { version }: BindingPackage): string {
  return join(folder, `ready-${version}.json`);
}

/**
 * Finds the build to load: one with GPU support before one without, ours before the package's.
 * RAVELIN_TENSORFLOW names a folder to use even if its set-up was not finished, which is how the set-up
 * verifies it.
 */
export function findTensorflow(from: BindingPackage): TensorflowBuild | null {
  const named = process.env['RAVELIN_TENSORFLOW'];
  if (named !== undefined && named !== '') {
    const binding = compiledBinding(named, from);
    return existsSync(binding)
      ? { binding, version: tensorflowVersion, gpu: named.endsWith('-gpu'), folder: named }
      : null;
  }
  for (const gpu of [true, false]) {
    const folder = tensorflowFolder(gpu);
    const binding = compiledBinding(folder, from);
    if (existsSync(readyFile(folder, from)) && existsSync(binding))
      return { binding, version: tensorflowVersion, gpu, folder };
  }
  const binding = prebuiltBinding(from);
  return binding === null
    ? null
    : { binding, version: `of ${bindingPackageName} ${from.version}`, gpu: true, folder: null };
}
