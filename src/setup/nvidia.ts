/** Finds out what stands between this process and an NVIDIA GPU, without loading CUDA into it. */
import { spawnSync } from 'node:child_process';
import { accessSync, constants, existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

export interface NvidiaGpu {
  readonly name: string;
  /** Compute capability, such as 9.0. */
  readonly capability: string;
  /** `Default`, `Exclusive_Process` or `Prohibited`. */
  readonly computeMode: string;
  readonly isDivided: boolean;
  readonly memory: string;
}

export interface NvidiaFacts {
  /** Version of the kernel's driver; null if it is not loaded. */
  readonly driver: string | null;
  readonly gpus: readonly NvidiaGpu[];
  /** Lines of `nvidia-smi -L` that name a MIG slice. */
  readonly slices: number;
  /** Files of devices, and whether this user may open them. */
  readonly files: readonly { readonly path: string; readonly open: boolean }[];
  /** Why libcuda.so.1 cannot be loaded; null if it can. */
  readonly libcuda: string | null;
  /** Folders of LD_LIBRARY_PATH with libraries of CUDA, which are loaded before those of the set-up. */
  readonly shadowing: readonly string[];
  readonly visibleDevices: string | undefined;
  /** This process runs in an Apptainer or Docker container. */
  readonly inContainer: boolean;
}

/** The oldest driver that CUDA 12 runs on, on Linux. */
const oldestDriver = 525;
const queryMs = 10_000;

/** Whether the machine shows any sign of an NVIDIA GPU. Reads only names of files. */
export function hasNvidia(): boolean {
  return existsSync('/proc/driver/nvidia') || list('/dev').some((name) => /^nvidia\d+$/.test(name));
}

/** Queries the driver. Takes a second if there is a GPU. */
export function readNvidiaFacts(environment: NodeJS.ProcessEnv = process.env): NvidiaFacts {
  const query = 'name,compute_cap,compute_mode,mig.mode.current,memory.total';
  const files = list('/dev').filter((name) => /^nvidia(\d+|ctl|-uvm)$/.test(name));
  return {
    driver: driverVersion(read('/proc/driver/nvidia/version')),
    gpus: parseGpus(run('nvidia-smi', [`--query-gpu=${query}`, '--format=csv,noheader'])),
    slices: run('nvidia-smi', ['-L']).split('\n').filter((line) => /^\s+MIG /.test(line)).length, // prettier-ignore
    files: files.map((name) => ({ path: join('/dev', name), open: mayOpen(join('/dev', name)) })),
    libcuda: loadProblem('libcuda.so.1'),
    shadowing: shadowingFolders(environment['LD_LIBRARY_PATH'], list),
    visibleDevices: environment['CUDA_VISIBLE_DEVICES'],
    inContainer: environment['APPTAINER_CONTAINER'] !== undefined || existsSync('/.dockerenv'),
  };
}

/** The version in /proc/driver/nvidia/version; null if there is none. */
export function driverVersion(text: string): string | null {
  return /NVRM version:.*?\s(\d+\.[\d.]+)\s/.exec(text)?.[1] ?? null;
}

/** Reads the rows of `nvidia-smi --query-gpu`. */
export function parseGpus(rows: string): readonly NvidiaGpu[] {
  return rows.split('\n').flatMap((row) => {
    const [name, capability, computeMode, mig, memory] = row.split(', ').map((field) => field.trim());
    if (memory === undefined) return [];
    return [
      {
        name: name!,
        capability: capability!,
        computeMode: computeMode!,
        isDivided: mig === 'Enabled',
        memory,
      },
    ];
  });
}

/** The folders of a search path that have libraries of CUDA, cuBLAS or cuDNN. */
export function shadowingFolders(
  path: string | undefined,
  filesOf: (folder: string) => readonly string[],
): readonly string[] {
  return (path ?? '')
    .split(':')
    .filter((folder) => folder !== '')
    .filter((folder) =>
      filesOf(folder).some((name) => /^lib(cudart|cublas|cudnn|cusolver)[\w-]*\.so/.test(name)),
    );
}

/** Lists what keeps TensorFlow from the GPU, each with a remedy. */
export function nvidiaProblems(facts: NvidiaFacts): readonly string[] {
  const problems: string[] = [];
  const add = (condition: boolean, problem: string): void => {
    if (condition) problems.push(problem);
  };
  const { driver, gpus, files, libcuda, shadowing, visibleDevices, inContainer } = facts;
  const major = Number(driver?.split('.')[0]);
  const enter = inContainer
    ? 'start the container with its GPUs (apptainer exec --nv, docker run --gpus all)'
    : null;
  add(
    driver === null,
    `no NVIDIA driver is loaded; ${enter ?? 'install the one for this kernel, or run on a node with a GPU'}`,
  );
  add(major < oldestDriver, `driver ${driver} is older than ${oldestDriver}, which CUDA 12 needs; update it`);
  add(
    libcuda !== null,
    `libcuda.so.1 cannot be loaded (${libcuda}); ${enter ?? "install the driver's libraries (Debian: libcuda1)"}`,
  );
  add(
    !files.some(({ path }) => /\d$/.test(path)),
    `there is no /dev/nvidia0; ${enter ?? 'nvidia-modprobe makes it'}`,
  );
  for (const { path, open } of files)
    add(
      !open,
      `${path} may not be opened; join the group that owns it (often video), or ask Slurm for a GPU`,
    );
  add(
    visibleDevices === '' || visibleDevices === '-1',
    'CUDA_VISIBLE_DEVICES hides all GPUs; unset it, or ask Slurm for one',
  );
  for (const { computeMode, name } of gpus) {
    add(
      computeMode === 'Prohibited',
      `${name} is in compute mode PROHIBITED; an administrator must change it`,
    );
  }
  for (const folder of shadowing)
    problems.push(
      `LD_LIBRARY_PATH names ${folder}, whose CUDA is loaded instead of that of the set-up; unload its module`,
    );
  return problems;
}

/** Lists what users of GPUs that work should know. */
export function nvidiaNotes({ gpus, slices }: NvidiaFacts): readonly string[] {
  const notes: string[] = [];
  if (gpus.some(({ computeMode }) => computeMode === 'Exclusive_Process'))
    notes.push(
      'in compute mode EXCLUSIVE_PROCESS, so one worker at a time computes on a GPU; do not give -j',
    );
  if (gpus.some(({ isDivided }) => isDivided))
    notes.push(`divided by MIG into ${slices} slices that are visible here; a worker computes on one slice`);
  return notes;
}

function run(command: string, parameters: readonly string[]): string {
  const { status, stdout } = spawnSync(command, parameters, { encoding: 'utf8', timeout: queryMs });
  return status === 0 ? stdout : '';
}

/** Loads a library in this process; Node then refuses it, because it is not an addon, unless it is not there. */
function loadProblem(name: string): string | null {
  try {
    process.dlopen({ exports: {} }, name);
  } catch (error) {
    const { message } = error as Error;
    if (/cannot open|No such file|wrong ELF|not found/i.test(message)) return message.split('\n')[0]!;
  }
  return null;
}

function mayOpen(path: string): boolean {
  try {
    accessSync(path, constants.R_OK | constants.W_OK);
    return true;
  } catch {
    return false;
  }
}

function list(folder: string): readonly string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}

function read(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}
