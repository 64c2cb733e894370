/**
 * One array job on disk, below the shared cache: `slurm/ID/` with the tasks, the script, what each array task says while it
 * works (`messages/N.jsonl`) and its last word (`ends/N`). Written by the driver, read by the array tasks, and the other way
 * round; a driver that is started after another one died reads it to adopt the job.
 */
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import type { Task, WorkerSetup } from '../../executor.ts';
import { writeAtomic, writeDurable } from '../../store/durable.ts';

export interface BatchManifest {
  readonly format: 1;
  readonly run: string;
  readonly stage: string;
  readonly setup: WorkerSetup;
  readonly plugins: readonly string[];
  /** The units of each array task, in order. */
  readonly groups: readonly (readonly Task[])[];
}

export interface BatchJob {
  /** Number of the array job. */
  readonly job: string;
  readonly submittedAt: number;
}

export interface Batch {
  readonly folder: string;
  readonly manifest: BatchManifest;
  /** Null while it is not known to have been submitted. */
  readonly job: BatchJob | null;
}

export function slurmFolder(cacheFolder: string): string {
  return `${cacheFolder}/slurm`;
}

export function createBatch(cacheFolder: string, id: string, manifest: BatchManifest): string {
  const folder = `${slurmFolder(cacheFolder)}/${id}`;
  for (const name of ['messages', 'ends', 'logs']) mkdirSync(`${folder}/${name}`, { recursive: true });
  writeDurable(`${folder}/manifest.json`, JSON.stringify(manifest));
  return folder;
}

export function recordJob(folder: string, job: BatchJob): void {
  writeDurable(`${folder}/job.json`, JSON.stringify(job));
}

/** Batches whose end no driver has seen; one that was never submitted has no job. */
export function openBatches(cacheFolder: string): Batch[] {
  const root = slurmFolder(cacheFolder);
  if (!existsSync(root)) return [];
  return readdirSync(root)
    .map((id) => `${root}/${id}`)
    .filter((folder) => !existsSync(`${folder}/closed`))
    .flatMap((folder) => {
      const manifest = readJson(`${folder}/manifest.json`) as BatchManifest | null;
      if (manifest?.format !== 1) return [];
      return [{ folder, manifest, job: readJson(`${folder}/job.json`) as BatchJob | null }];
    });
}

/** The results are in the cache: only the logs are kept, for `ravelin logs`. */
export function closeBatch(folder: string): void {
  writeAtomic(`${folder}/closed`, '');
  for (const name of ['manifest.json', 'messages', 'ends'])
    rmSync(`${folder}/${name}`, { recursive: true, force: true });
}

export function readManifest(folder: string): BatchManifest {
  return JSON.parse(readFileSync(`${folder}/manifest.json`, 'utf8')) as BatchManifest;
}

/** Array indices whose task has said its last word. */
export function endedTasks(folder: string): number[] {
  try {
    return readdirSync(`${folder}/ends`)
      .filter((name) => /^\d+$/.test(name))
      .map(Number);
  } catch {
    return [];
  }
}

export function messagesPath(folder: string, index: number): string {
  return `${folder}/messages/${index}.jsonl`;
}

export function endPath(folder: string, index: number): string {
  return `${folder}/ends/${index}`;
}

export function taskLogPath(folder: string, index: number): string {
  return `${folder}/logs/${index}.log`;
}

function readJson(path: string): unknown {
  try {
    return JSON.parse(readFileSync(path, 'utf8'));
  } catch {
    return null;
  }
}
