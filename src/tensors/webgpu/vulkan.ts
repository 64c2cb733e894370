/**
 * Finds what a Linux machine has of Vulkan by looking at files only: drivers, the loader library, and
 * SwiftShader, the software driver that comes with Chromium (Debian: `apt-get install chromium`).
 */
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { constants } from 'node:os';
import { dirname, join } from 'node:path';

/** A driver that a process has to select, because the loader would not find it or would prefer another one. */
export interface VulkanDriver {
  /** Absolute path of the driver's description, for VK_DRIVER_FILES. */
  readonly file: string;
  /** The libvulkan.so.1 beside it; null if the system's own must be used. */
  readonly loader: string | null;
}

const browserFolders = [
  '/usr/lib/chromium',
  '/usr/lib/chromium-browser',
  '/usr/lib64/chromium-browser',
  '/opt/google/chrome',
  '/opt/chromium.org/chromium',
];
const driverFolders = ['/usr/share/vulkan/icd.d', '/etc/vulkan/icd.d', '/usr/local/share/vulkan/icd.d'];
const loaders = [
  '/usr/lib/x86_64-linux-gnu/libvulkan.so.1',
  '/usr/lib/aarch64-linux-gnu/libvulkan.so.1',
  '/usr/lib64/libvulkan.so.1',
];
const driverVariables = ['VK_DRIVER_FILES', 'VK_ICD_FILENAMES', 'VK_ADD_DRIVER_FILES'];
/**
 * glibc's RTLD_NODELETE, which keeps the library loaded when its handle is closed. Node has no name for it.
 */
const noDelete = 0x1000;

/** SwiftShader of an installed Chromium, or of the folder in RAVELIN_SWIFTSHADER; null if there is none. */
export function findSoftwareDriver(): VulkanDriver | null {
  if (process.platform !== 'linux') return null;
  const own = process.env['RAVELIN_SWIFTSHADER'] ?? '';
  for (const folder of own === '' ? browserFolders : [own]) {
    const file = join(folder, 'vk_swiftshader_icd.json');
    if (!existsSync(file)) continue;
    const loader = join(folder, 'libvulkan.so.1');
    return { file, loader: existsSync(loader) ? loader : null };
  }
  return null;
}

/**
 * Whether the kernel shows a GPU, or the user named a driver. Without either, querying Vulkan is pointless.
 */
export function mayHaveGpu(): boolean {
  if (process.platform !== 'linux') return true;
  if (driverVariables.some((name) => (process.env[name] ?? '') !== '')) return true;
  return deviceFiles().length > 0;
}

/** Returns a text that changes when the GPUs or drivers of this machine do, as far as files show it. */
export function driverFingerprint(): string {
  const parts: string[] = driverVariables.map((name) => process.env[name] ?? '');
  parts.push(...deviceFiles(), ...loaders.map(stamp));
  for (const folder of driverFolders) {
    for (const name of list(folder)) parts.push(join(folder, name), stamp(join(folder, name)));
  }
  const software = findSoftwareDriver();
  if (software !== null)
    parts.push(software.file, stamp(join(dirname(software.file), 'libvk_swiftshader.so')));
  try {
    parts.push(readFileSync('/proc/driver/nvidia/version', 'utf8'));
  } catch {
    // No NVIDIA driver.
  }
  return parts.join('\n');
}

/**
 * Makes this process use `driver` in every later query of Vulkan. The loader beside it is loaded here,
 * because the dynamic linker reads LD_LIBRARY_PATH only when a process starts.
 */
export function useDriver(driver: VulkanDriver): void {
  process.env['VK_DRIVER_FILES'] = driver.file;
  if (driver.loader === null) return;
  try {
    process.dlopen({ exports: {} }, driver.loader, constants.dlopen.RTLD_NOW | noDelete);
  } catch {
    // Node loads the library and then throws, because it is not an addon.
  }
}

function deviceFiles(): string[] {
  const cards = list('/dev/dri').filter((name) => name.startsWith('renderD'));
  return [...cards, ...list('/dev').filter((name) => /^nvidia\d+$|^dxg$|^mali\d+$/.test(name))];
}

function list(folder: string): string[] {
  try {
    return readdirSync(folder).sort();
  } catch {
    return [];
  }
}

function stamp(file: string): string {
  try {
    const { mtimeMs, size } = statSync(file);
    return `${mtimeMs} ${size}`;
  } catch {
    return 'missing';
  }
}
