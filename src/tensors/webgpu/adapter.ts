/**
 * Which GPU WebGPU would compute on, without opening one in this process: a child process asks Dawn once (0.1 s on
 * SwiftShader, more where a driver has to wake its device), and the answer is kept in a file until drivers change.
 */
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { release } from 'node:os';
import { dirname, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { ravelinHome } from '../../setup/locations.ts';
import { driverFingerprint, findSoftwareDriver, mayHaveGpu } from './vulkan.ts';
import type { SoftwareDriver } from './vulkan.ts';

export interface AdapterDescription {
  readonly vendor: string;
  readonly architecture: string;
  readonly device: string;
  /** On Vulkan with the driver's version. */
  readonly description: string;
  /** Computes on the CPU: good for tests only. */
  readonly software: boolean;
}

export interface AdapterChoice {
  readonly adapter: AdapterDescription;
  /** Driver that the process has to be pointed at before it asks for the adapter; null for the system's own. */
  readonly driver: SoftwareDriver | null;
}

const dawnName = 'webgpu';
const askMs = 30_000;
/** `describe` in device.ts says the same of an open adapter. */
const askScript = `
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
 * The adapter to use here: a GPU, or SwiftShader where there is none or RAVELIN_WEBGPU_SOFTWARE=1 asks for it. A
 * sentence with what to do where there is neither. Asked once a process.
 */
export function chooseAdapter(): AdapterChoice | string {
  chosen ??= choose();
  return chosen;
}

/** Forgets what was answered before, here and in the file: `ravelin doctor` asks again. */
export function forgetAdapters(): void {
  chosen = undefined;
  writeAnswers({});
}

/** Dawn's package; null where it is not installed. */
export function dawnPackage(): { readonly entry: string; readonly version: string } | null {
  try {
    const entry = createRequire(import.meta.url).resolve(dawnName);
    const { version } = JSON.parse(readFileSync(join(dirname(entry), 'package.json'), 'utf8')) as {
      version: string;
    };
    return { entry, version };
  } catch {
    return null;
  }
}

function choose(): AdapterChoice | string {
  const dawn = dawnPackage();
  if (dawn === null) return `the package ${dawnName} is not installed; run npm ci (without --omit=optional)`;
  const wantsSoftware = process.env['RAVELIN_WEBGPU_SOFTWARE'] === '1';
  const gpuSeen = mayHaveGpu();
  if (gpuSeen && !wantsSoftware) {
    const adapter = ask(dawn, null);
    if (adapter !== null) return { adapter, driver: null };
  }
  const driver = findSoftwareDriver();
  const adapter = driver && ask(dawn, driver);
  if (adapter !== null) return { adapter, driver };
  if (wantsSoftware)
    return 'RAVELIN_WEBGPU_SOFTWARE asks for SwiftShader, which is not here; install Chromium (apt-get install chromium)';
  return gpuSeen
    ? "a GPU is here but no Vulkan driver for it; install libvulkan1 and the GPU vendor's Vulkan driver"
    : "no GPU is here; on a machine with one, install libvulkan1 and its vendor's Vulkan driver (for tests: apt-get install chromium)";
}

/** Null where Dawn finds no adapter. */
function ask(
  dawn: { entry: string; version: string },
  driver: SoftwareDriver | null,
): AdapterDescription | null {
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
    ['--input-type=module', '-e', askScript, pathToFileURL(dawn.entry).href],
    {
      encoding: 'utf8',
      timeout: askMs,
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
    return JSON.parse(readFileSync(answersFile(), 'utf8')) as Record<string, AdapterDescription | null>;
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
    // The next process asks again.
  }
}
