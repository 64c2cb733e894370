/**
 * Finds out which GPU WebGPU would compute on, without opening one in this process. A child process queries
 * Dawn once (0.1 s on SwiftShader, longer if a driver has to wake its device), and the answer is stored in a
 * file until drivers change.
 */
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdirSync, renameSync, writeFileSync } from 'node:fs';
import { release } from 'node:os';
import { dirname, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { readJsonFile } from '../../files/read-json.ts';
import { findDawn, ravelinHome, type Dawn } from '../../setup/locations.ts';
import { describeNvidiaDriver, nvidiaPackage } from './nvidia-driver.ts';
import { driverFingerprint, findSoftwareDriver, mayHaveGpu } from './vulkan.ts';
import type { VulkanDriver } from './vulkan.ts';

export interface AdapterDescription {
  readonly vendor: string;
  readonly architecture: string;
  readonly device: string;
  /** Includes the driver's version on Vulkan. */
  readonly description: string;
  /** The adapter computes on the CPU, which is only useful for tests. */
  readonly software: boolean;
}

export interface AdapterChoice {
  readonly adapter: AdapterDescription;
  /** Driver that the process must select before it requests the adapter; null for the system's own. */
  readonly driver: VulkanDriver | null;
}

const queryMs = 30_000;
/** Describes the adapter that `open` in device.ts would open. */
const queryScript = `
const { create } = await import(process.argv[1]);
const adapter = await create([]).requestAdapter({ powerPreference: 'high-performance' });
if (adapter !== null) {
  const { vendor, architecture, device, description, isFallbackAdapter } = adapter.info;
  const software = isFallbackAdapter === true || adapter.isFallbackAdapter === true;
  process.stdout.write(JSON.stringify({ vendor, architecture, device, description, software }));
}
process.exit(0);
`;

let chosen: AdapterChoice | string | undefined;

/**
 * Chooses the adapter: a GPU, or SwiftShader if there is no GPU or RAVELIN_WEBGPU_SOFTWARE=1 selects it.
 * Returns the cause and the remedy if there is neither. The choice is made once per process.
 */
export function chooseAdapter(): AdapterChoice | string {
  chosen ??= choose();
  return chosen;
}

/** Forgets all answers, in this process and in the file, so that `ravelin doctor` queries again. */
export function forgetAdapters(): void {
  chosen = undefined;
  writeAnswers({});
}

function choose(): AdapterChoice | string {
  const dawn = findDawn();
  if (dawn === null) return 'Dawn, which is WebGPU for Node, is not set up; run ravelin setup webgpu';
  const wantsSoftware = process.env['RAVELIN_WEBGPU_SOFTWARE'] === '1';
  const gpuSeen = mayHaveGpu();
  if (gpuSeen && !wantsSoftware) {
    const adapter = queryAdapter(dawn, null);
    if (adapter !== null) return { adapter, driver: null };
    const driver = describeNvidiaDriver(join(ravelinHome(), 'vulkan'));
    const described = driver && queryAdapter(dawn, driver);
    if (described !== null) return { adapter: described, driver };
  }
  const driver = findSoftwareDriver();
  const adapter = driver && queryAdapter(dawn, driver);
  if (adapter !== null) return { adapter, driver };
  if (wantsSoftware)
    return 'RAVELIN_WEBGPU_SOFTWARE selects SwiftShader, which was not found; install Chromium (apt-get install chromium)';
  const nvidia = nvidiaPackage();
  return gpuSeen
    ? `there is a GPU, but no Vulkan driver for it; install libvulkan1 and ${
        nvidia === null
          ? "the GPU vendor's Vulkan driver"
          : `${nvidia}, and give a container NVIDIA_DRIVER_CAPABILITIES=all`
      }`
    : "there is no GPU; on a machine with one, install libvulkan1 and its vendor's Vulkan driver (for tests: apt-get install chromium)";
}

/** Returns null if Dawn finds no adapter. */
function queryAdapter(dawn: Dawn, driver: VulkanDriver | null): AdapterDescription | null {
  const key = createHash('sha256')
    .update(`${dawn.version} ${process.platform} ${process.arch} ${release()}\n`)
    .update(`${driver?.file ?? ''}\n${driverFingerprint()}`)
    .digest('hex');
  const answers = readAnswers();
  const known = answers[key];
  if (known !== undefined) return known;
  const libraries = [driver?.loader && dirname(driver.loader), process.env['LD_LIBRARY_PATH']].filter(
    Boolean,
  );
  const { status, stdout } = spawnSync(
    process.execPath,
    ['--input-type=module', '-e', queryScript, pathToFileURL(dawn.entry).href],
    {
      encoding: 'utf8',
      timeout: queryMs,
      stdio: ['ignore', 'pipe', 'ignore'],
      env: {
        ...process.env,
        ...(driver === null ? {} : { VK_DRIVER_FILES: driver.file, LD_LIBRARY_PATH: libraries.join(':') }),
      },
    },
  );
  const adapter = status === 0 && stdout !== '' ? (JSON.parse(stdout) as AdapterDescription) : null;
  writeAnswers({ ...answers, [key]: adapter });
  return adapter;
}

function answersFile(): string {
  return join(ravelinHome(), 'webgpu-adapters.json');
}

function readAnswers(): Readonly<Record<string, AdapterDescription | null>> {
  try {
    return readJsonFile(answersFile()) as Record<string, AdapterDescription | null>;
  } catch {
    return {};
  }
}

function writeAnswers(answers: Readonly<Record<string, AdapterDescription | null>>): void {
  const file = answersFile();
  try {
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(`${file}.${process.pid}`, JSON.stringify(answers));
    renameSync(`${file}.${process.pid}`, file);
  } catch {
    // The next process queries again.
  }
}
