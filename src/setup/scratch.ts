/** Folders that a set-up works in, so that what it leaves is whole or not there. */
import { existsSync } from 'node:fs';
import { mkdir, readdir, rename, rm, statfs } from 'node:fs/promises';
import { join } from 'node:path';
import { SetupError } from './errors.ts';

/** Throws `SetupError` if the disk of `folder` has fewer than `bytes` free bytes. */
export async function checkSpace(folder: string, bytes: number): Promise<void> {
  const { bavail, bsize } = await statfs(folder);
  if (bavail * bsize >= bytes) return;
  const gigabytes = (value: number): string => (value / 1e9).toFixed(1);
  throw new SetupError(
    `${folder} has ${gigabytes(bavail * bsize)} GB left, but ${gigabytes(bytes)} GB are needed`,
    'free some space, or set RAVELIN_HOME to a folder on a larger disk',
  );
}

/**
 * Gives `work` a folder and removes it afterwards, whatever happens, with everything that was not moved out
 * of it.
 */
export async function inScratch(folder: string, work: (scratch: string) => Promise<void>): Promise<void> {
  const scratch = join(folder, `partial-${process.pid}`);
  await mkdir(scratch, { recursive: true });
  try {
    await work(scratch);
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
}

/** Renames atomically. If another set-up was faster, its result stays. */
export async function replace(from: string, to: string): Promise<void> {
  try {
    await rename(from, to);
  } catch (error) {
    if (!existsSync(to)) throw error;
  }
}

/** Removes the folders of set-ups that were killed, but not of those that are running. */
export async function removeLeftovers(folder: string): Promise<void> {
  for (const name of await readdir(folder)) {
    const owner = /^partial-(\d+)$/.exec(name)?.[1];
    if (owner !== undefined && !isAlive(Number(owner))) await rm(join(folder, name), { recursive: true });
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}
