/** Finds TensorFlow, its binding and Dawn on this machine. Reads a few small files and loads nothing. */
import { existsSync, readdirSync } from 'node:fs';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';
import { bundledVersion, folderOf, versionOf } from './bundled.ts';

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

/**
 * Our additions to the binding, the oldest first: TensorFlow's functions (function-source.ts) and the context (context-source.ts).
 * With one more, the set-up compiles the binding again.
 */
const additions = ['functions', 'context'] as const;

export type BindingAddition = (typeof additions)[number];

/** The binding that the set-up compiles, of one version of its sources and of what we add to them. */
export function compiledBinding(folder: string): string {
  return bindingWith(folder, additions.length);
}

/** The binding with the first `count` additions. */
function bindingWith(folder: string, count: number): string {
  const number = count === 0 ? '' : `-${count + 1}`;
  return join(folder, `binding-${bundledVersion('binding')}${number}`, 'tfjs_binding.node');
}

/** The binding of a finished or named set-up: the one above, or the latest of an earlier ravelin, which lacks what came after. */
function bindingIn(folder: string): string | undefined {
  return [...additions, '']
    .map((_, age) => bindingWith(folder, additions.length - age))
    .find((binding) => existsSync(binding));
}

/**
 * Addon to load before a compiled binding, which silences TensorFlow while it is loaded. Bindings that the
 * set-up did not compile have none.
 */
export function quietAddon(binding: string): string {
  return join(dirname(binding), 'quiet.node');
}

/** Marks a finished set-up: it is written last, once the binding has computed something. */
export function readyFile(folder: string): string {
  return join(folder, `ready-${bundledVersion('binding')}.json`);
}

/**
 * Finds the build to load: one with GPU support before one without. RAVELIN_TENSORFLOW names a folder to use even if its
 * set-up was not finished, which is how the set-up verifies it, or is `prebuilt` for the old TensorFlow that the install
 * script of the npm package downloads. That one is used in no other case, because no result was ever compared with it.
 */
export function findTensorflow(): TensorflowBuild | null {
  if (!hasBindingBackend()) return null;
  const named = process.env['RAVELIN_TENSORFLOW'];
  if (named === 'prebuilt') return prebuiltTensorflow();
  if (named !== undefined && named !== '') {
    const binding = bindingIn(named);
    return binding === undefined
      ? null
      : { binding, version: tensorflowVersion, gpu: named.endsWith('-gpu'), folder: named };
  }
  for (const gpu of [true, false]) {
    const folder = tensorflowFolder(gpu);
    const binding = bindingIn(folder);
    if (existsSync(readyFile(folder)) && binding !== undefined)
      return { binding, version: tensorflowVersion, gpu, folder };
  }
  return null;
}

/** The additions that the binding of a build lacks, because an earlier ravelin compiled it. */
export function lackingAdditions({ binding, folder }: TensorflowBuild): readonly BindingAddition[] {
  if (folder === null) return additions;
  const count = [...additions.keys(), additions.length].find(
    (number) => bindingWith(folder, number) === binding,
  );
  return additions.slice(count);
}

/** Whether the part that calls the binding is there; a bundle of a bench may have been made without it. */
function hasBindingBackend(): boolean {
  try {
    return bundledVersion('binding') !== '';
  } catch {
    return false;
  }
}

/** Binding that the install script of the npm package downloaded; null if there is none. */
function prebuiltTensorflow(): TensorflowBuild | null {
  let folder: string;
  try {
    folder = folderOf(bindingPackageName);
  } catch {
    return null;
  }
  const library = join(folder, 'lib');
  if (!existsSync(library)) return null;
  const binding = readdirSync(library)
    .filter((name) => name.startsWith('napi-v'))
    .map((name) => join(library, name, 'tfjs_binding.node'))
    .find((candidate) => existsSync(candidate));
  const version = `of ${bindingPackageName} ${versionOf(folder)}`;
  return binding === undefined ? null : { binding, version, gpu: true, folder: null };
}

/** Version of Dawn, WebGPU for Node, that `ravelin setup webgpu` installs. */
export const dawnVersion = '0.6.2';

/** The folder of its package that has the library for this machine. */
export const dawnPlatform =
  process.platform === 'darwin' ? 'darwin-universal' : `${process.platform}-${process.arch}`;

export function dawnFolder(): string {
  return join(ravelinHome(), `dawn-${dawnVersion}-${dawnPlatform}`);
}

export interface Dawn {
  /** The module to import. */
  readonly entry: string;
  readonly version: string;
}

/** Finds Dawn: the npm package `webgpu` beside ravelin, or the one that the set-up installed; null if there is neither. */
export function findDawn(): Dawn | null {
  try {
    const folder = folderOf('webgpu');
    return { entry: join(folder, 'index.js'), version: versionOf(folder) };
  } catch {
    const entry = join(dawnFolder(), 'index.js');
    return existsSync(entry) ? { entry, version: dawnVersion } : null;
  }
}
