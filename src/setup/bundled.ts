/**
 * The parts of other npm packages that the build takes into `dist/packages/` (scripts/packages.mjs), so that nobody who
 * installs ravelin installs those packages. The sources, as tests run them, use the packages themselves.
 */
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { readJsonFile } from '../files/read-json.ts';

/** The part, by the name of its file, and the package that it is of. */
const packages = {
  tfjs: '@tensorflow/tfjs',
  wasm: '@tensorflow/tfjs-backend-wasm',
  webgpu: '@tensorflow/tfjs-backend-webgpu',
  binding: '@tensorflow/tfjs-node-gpu',
} as const;

export type BundledPackage = keyof typeof packages;

/** `dist/packages/` of a built ravelin; null if its sources run. */
export function bundleFolder(): string | null {
  // The chunks of a build are at the top of dist/.
  return process.env.RAVELIN_BUILD === undefined
    ? null
    : fileURLToPath(new URL('./packages/', import.meta.url));
}

let versions: Readonly<Record<BundledPackage, string>> | undefined;

/** Version of the package that the part was taken from. Throws if the file that says it cannot be read. */
export function bundledVersion(name: BundledPackage): string {
  const bundle = bundleFolder();
  if (bundle === null) return versionOf(folderOf(packages[name]));
  versions ??= readJsonFile(join(bundle, 'versions.json')) as Record<BundledPackage, string>;
  return versions[name];
}

/** Folder of a package that the sources use. Throws if it is not installed. */
export function folderOf(name: string): string {
  const require = createRequire(import.meta.url);
  try {
    return dirname(require.resolve(`${name}/package.json`));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ERR_PACKAGE_PATH_NOT_EXPORTED') throw error;
    return dirname(require.resolve(name));
  }
}

/** Version in the description of the package in `folder`. */
export function versionOf(folder: string): string {
  return (readJsonFile(join(folder, 'package.json')) as { version: string }).version;
}
