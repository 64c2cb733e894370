/**
 * NVIDIA's Vulkan driver on servers and in containers, where its library is there and its description is not: the packages of
 * headless drivers leave the description out, and containers mount only the libraries.
 */
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { VulkanDriver } from './vulkan.ts';

const libraryFolders = [
  '/usr/lib/x86_64-linux-gnu',
  '/usr/lib/aarch64-linux-gnu',
  '/usr/lib64',
  '/usr/lib',
  '/usr/local/nvidia/lib64',
  '/.singularity.d/libs',
];
/** The first needs no display; the second loads the libraries of X. Both have the driver's entry point. */
const libraries = ['libEGL_nvidia.so.0', 'libGLX_nvidia.so.0'];

/** The library of the driver; null if this machine has none. `root` stands for `/`. */
export function nvidiaLibrary(root = '/'): string | null {
  const named = (process.env['LD_LIBRARY_PATH'] ?? '').split(':').filter((path) => path.startsWith('/'));
  for (const name of libraries) {
    const found = [...named, ...libraryFolders]
      .map((folder) => join(root, folder, name))
      .find((path) => existsSync(path));
    if (found !== undefined) return found;
  }
  return null;
}

/**
 * Describes the driver in a file of this folder, for VK_DRIVER_FILES; null if the machine has no library of it, or the folder
 * cannot be written to.
 */
export function describeNvidiaDriver(folder: string, root = '/'): VulkanDriver | null {
  const library = nvidiaLibrary(root);
  if (library === null) return null;
  const file = join(folder, 'nvidia_icd.json');
  try {
    mkdirSync(folder, { recursive: true });
    // The loader asks the driver itself for what it can do; the description has to name a version.
    const description = {
      file_format_version: '1.0.0',
      ICD: { library_path: library, api_version: '1.1.0' },
    };
    writeFileSync(file, `${JSON.stringify(description)}\n`);
  } catch {
    return null;
  }
  return { file, loader: null };
}

/** The Debian package that brings NVIDIA's Vulkan driver for the driver of this kernel; null if there is none. */
export function nvidiaPackage(root = '/'): string | null {
  if (!list(join(root, 'dev')).some((name) => /^nvidia\d+$/.test(name))) return null;
  try {
    const version = /(\d+)\.\d+(\.\d+)?/.exec(readFileSync(join(root, 'proc/driver/nvidia/version'), 'utf8'));
    return version === null ? 'libnvidia-gl' : `libnvidia-gl-${version[1]!}`;
  } catch {
    return 'libnvidia-gl';
  }
}

function list(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}
