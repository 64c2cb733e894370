/** Names that people give to runs. Each is an empty file of its own, so that no two commands at once take a name from each other. */
import { mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { writeAtomic } from '../store/durable.ts';
import { toStoreError } from '../store/errors.ts';
import { runFolder } from './ledger.ts';

/** Whether a text can be a tag: a word that cannot be taken for the id of a run. */
export const isTag = (text: string): boolean => /^[A-Za-z][\w.-]{0,39}$/.test(text) && text !== 'latest';

/** The tags of the run in a folder, in the order of the alphabet. Never throws: what cannot be read is left out. */
export function readTags(folder: string): readonly string[] {
  return [...new Set([...namesIn(`${folder}/tagged`), ...earlierTags(folder)])].sort();
}

/** Gives a run tags, beside those that it has. Throws `StoreError` if the cache cannot be written to. */
export function addTags(cacheFolder: string, run: string, tags: readonly string[]): void {
  const folder = `${runFolder(cacheFolder, run)}/tagged`;
  try {
    mkdirSync(folder, { recursive: true });
    for (const tag of tags) writeFileSync(`${folder}/${tag}`, '');
  } catch (error) {
    throw toStoreError(error, folder);
  }
}

/** Takes tags from a run. Throws `StoreError` if the cache cannot be written to. */
export function removeTags(cacheFolder: string, run: string, tags: readonly string[]): void {
  const folder = runFolder(cacheFolder, run);
  try {
    for (const tag of tags) rmSync(`${folder}/tagged/${tag}`, { force: true });
    const earlier = earlierTags(folder);
    const kept = earlier.filter((tag) => !tags.includes(tag));
    if (kept.length < earlier.length) writeAtomic(`${folder}/tags`, kept.map((tag) => `${tag}\n`).join(''));
  } catch (error) {
    throw toStoreError(error, folder);
  }
}

const mostTagBytes = 4096;

/** The tags that versions before 29 November 2026 wrote, all in one file. */
function earlierTags(folder: string): readonly string[] {
  try {
    const path = `${folder}/tags`;
    const stat = statSync(path, { throwIfNoEntry: false });
    if (!stat?.isFile() || stat.size > mostTagBytes) return [];
    return readFileSync(path, 'utf8').split('\n').filter(isTag);
  } catch {
    return [];
  }
}

function namesIn(folder: string): readonly string[] {
  try {
    return readdirSync(folder).filter(isTag);
  } catch {
    return [];
  }
}
