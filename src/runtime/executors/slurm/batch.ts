/**
 * One array job on disk: the folder `slurm/ID/` of the shared cache has its tasks and its script, which the
 * driver writes, and for each array task the messages of its work (`messages/N.jsonl`) and its outcomes
 * (`ends/N`), which the array task writes. A driver that starts after another one died reads the folder to
 * adopt the job.
 */
import { existsSync, mkdirSync, readdirSync, rmSync } from 'node:fs';
import { readJsonFile } from '../../../files/read-json.ts';
import type { TaskOutcome, WorkerSetup } from '../../executor.ts';
import { writeAtomic, writeDurable } from '../../store/durable.ts';
import { readTaskOutcome } from '../task/read-message.ts';
import type { Groups } from './group-tasks.ts';

export interface BatchManifest {
  readonly format: 1;
  readonly run: string;
  readonly stage: string;
  readonly setup: WorkerSetup;
  readonly plugins: readonly string[];
  readonly groups: Groups;
}

export interface BatchJob {
  /** Number of the array job. */
  readonly job: string;
  readonly submittedAt: number;
}

export interface Batch {
  readonly folder: string;
  readonly manifest: BatchManifest;
  /** Null until it is known to have been submitted. */
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

/** The batches whose end no driver has seen. One that was never submitted has no job. */
export function openBatches(cacheFolder: string): Batch[] {
  const root = slurmFolder(cacheFolder);
  if (!existsSync(root)) return [];
  return readdirSync(root)
    .map((id) => `${root}/${id}`)
    .filter((folder) => !existsSync(`${folder}/closed`))
    .flatMap((folder) => {
      const manifest = readJson(`${folder}/manifest.json`);
      if (!isManifest(manifest)) return [];
      return [{ folder, manifest, job: readJob(folder) }];
    });
}

/** The file lies in the cache, which may come from elsewhere: what is not a number would be a flag of scancel. */
function readJob(folder: string): BatchJob | null {
  const job = readJson(`${folder}/job.json`) as Partial<BatchJob> | null;
  return typeof job?.job === 'string' && /^\d+$/.test(job.job) ? (job as BatchJob) : null;
}

/** Removes all but the logs, which `ravelin logs` shows: the results are in the cache. */
export function closeBatch(folder: string): void {
  writeAtomic(`${folder}/closed`, '');
  for (const name of ['manifest.json', 'messages', 'ends'])
    rmSync(`${folder}/${name}`, { recursive: true, force: true });
}

export function readManifest(folder: string): BatchManifest {
  return readJsonFile(`${folder}/manifest.json`) as BatchManifest;
}

/** Indices of the array tasks that have reported their end. */
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

/** The outcomes of the units of an array task, of which there are `count`; null if they cannot be read. */
export function readEnd(folder: string, index: number, count: number): readonly TaskOutcome[] | null {
  const ends = readJson(endPath(folder, index));
  if (!Array.isArray(ends) || ends.length !== count) return null;
  const outcomes = ends.map(readTaskOutcome).filter((outcome) => outcome !== null);
  return outcomes.length === count ? outcomes : null;
}

export function taskLogPath(folder: string, index: number): string {
  return `${folder}/logs/${index}.log`;
}

function isManifest(value: unknown): value is BatchManifest {
  const { format, run, stage, groups } = (value ?? {}) as Partial<Record<keyof BatchManifest, unknown>>;
  const isTask = (task: unknown): boolean => typeof (task as { key?: unknown } | null)?.key === 'string';
  return (
    format === 1 &&
    typeof run === 'string' &&
    typeof stage === 'string' &&
    Array.isArray(groups) &&
    groups.every((group: unknown) => Array.isArray(group) && group.every(isTask))
  );
}

function readJson(path: string): unknown {
  try {
    return readJsonFile(path);
  } catch {
    return null;
  }
}

/** Parses a text as JSON; null if it is not JSON. */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
