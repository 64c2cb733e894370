import { createHash } from 'node:crypto';
import { existsSync, lstatSync, readFileSync, realpathSync, statSync } from 'node:fs';
import { join, relative, resolve } from 'node:path';
import { sha256 } from '../digest.ts';
import { readSignedMemory, type Seal, writeSignedMemory } from '../store/signed-memory.ts';

/** A file as it was when a run had published to it. */
export interface PublishedFile {
  /** Absolute, as it was then: the project may have been moved or copied. */
  readonly path: string;
  /** Digests of the objects that it was made of. */
  readonly source: string;
  readonly size: number;
  readonly mtimeMs: number;
  /** The pipeline and the stage that published it; absent in memories of earlier versions. */
  readonly owner?: string;
  /** SHA-256 of its bytes; absent in memories of earlier versions. */
  readonly digest?: string;
  /** It was about to be written, and perhaps it was not: only its bytes say that it is ours. */
  readonly isExpected?: true;
}

/** The content of a file to publish, and who publishes it. */
interface Publishing {
  readonly source: string;
  readonly owner: string;
  readonly bytes: Uint8Array;
}

/**
 * Remembers what was published, in a file of its own for each target and as soon as it is there, so that neither a run that
 * is killed nor another one at the same time loses it. The names go by the way from the cache to the target, so that a project
 * can be moved and copied with its cache. What was published decides what may be replaced, and a cache may come from
 * elsewhere, so each is signed with a secret of this machine (null if it has none, and nothing is then remembered).
 */
export class PublishedMemory {
  readonly #folder: string;
  #realFolder: string | null = null;
  readonly #key: Uint8Array | null;
  /** By target, as versions before 29 November 2026 kept them in one file. */
  #earlier: ReadonlyMap<string, PublishedFile> | null = null;

  constructor(cacheFolder: string, machineKey: Uint8Array | null) {
    this.#folder = cacheFolder;
    this.#key = machineKey;
  }

  /** `target` is a real path, and so are those that are compared with it. */
  get(target: string): PublishedFile | undefined {
    const name = this.#nameOf(target);
    const text = readSignedMemory(this.#pathOf(name), this.#sealOf(name));
    if (text !== null) return JSON.parse(text) as PublishedFile;
    this.#earlier ??= readEarlier(this.#folder, this.#key);
    return this.#earlier.get(target);
  }

  /**
   * Remembers a file that is about to be written where nothing of ours is, so that a kill between the file and its memory does not
   * make it somebody else's.
   */
  expect(path: string, file: Publishing): void {
    this.#write({ ...entryOf(path, file), size: file.bytes.length, mtimeMs: 0, isExpected: true });
  }

  /** Remembers the file that stands at `path` now. What cannot be written is not remembered. */
  set(path: string, file: Publishing): void {
    const { size, mtimeMs } = statSync(path);
    this.#write({ ...entryOf(path, file), size, mtimeMs });
  }

  #write(entry: PublishedFile): void {
    const name = this.#nameOf(entry.path);
    writeSignedMemory(this.#pathOf(name), this.#sealOf(name), JSON.stringify(entry));
  }

  #nameOf(target: string): string {
    this.#realFolder ??= existsSync(this.#folder) ? realpathSync(this.#folder) : resolve(this.#folder);
    return sha256(relative(this.#realFolder, target)).slice(0, 32);
  }

  #pathOf(name: string): string {
    return join(this.#folder, 'published', `${name}.json`);
  }

  #sealOf(name: string): Seal {
    return { key: this.#key, purpose: `published 3 ${name}` };
  }
}

function entryOf(
  path: string,
  { source, owner, bytes }: Publishing,
): Omit<PublishedFile, 'size' | 'mtimeMs'> {
  return { path, source, owner, digest: createHash('sha256').update(bytes).digest('hex') };
}

/**
 * Whether the file is the one that was published: at the same place, whoever has changed it there, or at another place with
 * the same bytes.
 */
export function isPublished(target: string, { path, digest, isExpected }: PublishedFile): boolean {
  if (path === target && isExpected !== true) return true;
  if (digest === undefined || lstatSync(target, { throwIfNoEntry: false })?.isFile() !== true) return false;
  return createHash('sha256').update(readFileSync(target)).digest('hex') === digest;
}

type Earlier = readonly [source: string, size: number, mtimeMs: number, owner?: string];

function readEarlier(cacheFolder: string, key: Uint8Array | null): ReadonlyMap<string, PublishedFile> {
  const text = readSignedMemory(join(cacheFolder, 'published.json'), { key, purpose: 'published 2' });
  if (text === null) return new Map();
  const entries = Object.entries(JSON.parse(text) as Record<string, Earlier>);
  return new Map(
    entries.map(([path, [source, size, mtimeMs, owner]]) => [
      path,
      { path, source, size, mtimeMs, ...(owner !== undefined && { owner }) },
    ]),
  );
}
