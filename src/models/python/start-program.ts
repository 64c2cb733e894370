import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { availableParallelism } from 'node:os';
import { relative, sep } from 'node:path';
import { pipeline } from 'node:stream/promises';
import type { Program } from '../../values/model.ts';
import { interpreterPath } from './interpreter.ts';
import { type Doubt, PythonProcess } from './python-process.ts';

/** Absolute paths of the files of a program. */
export interface ProgramPlaces {
  readonly module: string;
  readonly weights: string | null;
  /** Root of the project. */
  readonly root: string;
}

export interface StartedProgram {
  readonly process: PythonProcess;
  readonly classes: number;
  readonly parameters: number;
  readonly doubts: readonly Doubt[];
  /** Its identity now. `sources` are those that it has loaded from the project. */
  readonly identity: Program['identity'];
}

/**
 * Starts the Python process of a program. Throws what `PythonProcess.start` throws. `shape` is height, width and
 * channels of an image.
 */
export async function startProgram(
  program: Omit<Program, 'identity'>,
  shape: readonly [number, number, number],
  { module, weights, root }: ProgramPlaces,
  checks = false,
): Promise<StartedProgram> {
  const { make, device, deterministic } = program;
  const { process, hello } = await PythonProcess.start(interpreterPath(program.python, root), {
    module,
    make,
    arguments: program.arguments,
    weights,
    device,
    deterministic,
    threads: threads(),
    shape,
    root,
    checks,
  });
  try {
    const { classes, parameters, python, torch, deviceName, doubts } = hello;
    const sources = Object.fromEntries(
      Object.entries(hello.sources).map(([path, digest]) => [sourceName(root, path), digest]),
    );
    const identity = {
      python,
      torch,
      deviceName,
      sources,
      weights: weights && (await digestOfFile(weights)),
    };
    return { process, classes, parameters, doubts, identity };
  } catch (error) {
    process.close();
    throw error;
  }
}

/** The path of a source file from the root of the project, as it is in the identity of a program. */
export function sourceName(root: string, path: string): string {
  return relative(root, path).split(sep).join('/');
}

/** SHA-256 of a file, which may be larger than memory. Throws as the file system does. */
export async function digestOfFile(path: string): Promise<string> {
  const hash = createHash('sha256');
  await pipeline(createReadStream(path), hash);
  return hash.digest('hex');
}

/** Threads of this worker, which its Python process computes for. */
function threads(): number {
  const given = Number(process.env['RAVELIN_THREADS']);
  return Number.isInteger(given) && given > 0 ? given : availableParallelism();
}
