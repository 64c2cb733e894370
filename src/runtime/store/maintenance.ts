import { readdirSync, readFileSync, statSync } from 'node:fs';
import { isDigest, sha256 } from '../digest.ts';
import { temporaryPrefix } from './durable.ts';
import { parseRecord } from './record.ts';
import type { CommitRecord } from './record.ts';
import { errorCode, toStoreError } from './errors.ts';
import type { Store } from './store.ts';

export interface StoredFile {
  readonly name: string;
  readonly path: string;
  readonly bytes: number;
  readonly modifiedMs: number;
}

/** Lists all files in the two-letter folders of `objects/sha256` or `actions`, including temporary ones. */
export function listStored(store: Store, kind: 'objects' | 'actions'): StoredFile[] {
  const root = kind === 'objects' ? `${store.folder}/objects/sha256` : `${store.folder}/actions`;
  const files: StoredFile[] = [];
  // What has another name is not the cache's: a link may lead to a folder of the user's, and what is listed may be removed.
  for (const prefix of listFolder(root).filter((name) => /^[0-9a-f]{2}$/.test(name))) {
    for (const name of listFolder(`${root}/${prefix}`).filter((entry) => isOfStore(entry, kind))) {
      const path = `${root}/${prefix}/${name}`;
      const stat = statSync(path, { throwIfNoEntry: false });
      if (stat?.isFile() === true) files.push({ name, path, bytes: stat.size, modifiedMs: stat.mtimeMs });
    }
  }
  return files;
}

function isOfStore(name: string, kind: 'objects' | 'actions'): boolean {
  const digest = kind === 'objects' ? name : name.replace(/\.json$/, '');
  return (isDigest(digest) && (digest === name) === (kind === 'objects')) || name.startsWith(temporaryPrefix);
}

function listFolder(path: string): string[] {
  try {
    return readdirSync(path).sort();
  } catch (error) {
    if (errorCode(error) === 'ENOENT' || errorCode(error) === 'ENOTDIR') return [];
    throw toStoreError(error, path);
  }
}

export interface DiskUsage {
  readonly objects: { readonly count: number; readonly bytes: number };
  readonly records: { readonly count: number; readonly bytes: number };
  readonly quarantine: { readonly count: number; readonly bytes: number };
  /**
   * Bytes and seconds of compute by stage type, largest first. An object that
   * several types share counts for each.
   */
  readonly stages: readonly {
    readonly uses: string;
    readonly records: number;
    readonly bytes: number;
    readonly seconds: number;
  }[];
}

/** Adds up what takes the space of a cache. */
export function diskUsage(store: Store): DiskUsage {
  const quarantine = listFolder(`${store.folder}/quarantine`).map(
    (name) => statSync(`${store.folder}/quarantine/${name}`).size,
  );
  const stages = new Map<string, { records: number; bytes: number; seconds: number }>();
  for (const { uses, bytes, seconds } of listRecords(store)) {
    const stage = stages.get(uses) ?? { records: 0, bytes: 0, seconds: 0 };
    stages.set(uses, {
      records: stage.records + 1,
      bytes: stage.bytes + bytes,
      seconds: stage.seconds + seconds,
    });
  }
  return {
    objects: total(listStored(store, 'objects').map(({ bytes }) => bytes)),
    records: total(listStored(store, 'actions').map(({ bytes }) => bytes)),
    quarantine: total(quarantine),
    stages: [...stages].map(([uses, sums]) => ({ uses, ...sums })).sort((a, b) => b.bytes - a.bytes),
  };
}

function total(sizes: readonly number[]): { count: number; bytes: number } {
  return { count: sizes.length, bytes: sizes.reduce((sum, size) => sum + size, 0) };
}

export interface RecordInfo {
  readonly key: string;
  readonly uses: string;
  readonly created: string;
  readonly seconds: number;
  readonly bytes: number;
  readonly images: number;
  /** Digests of all objects without which its outputs cannot be read. */
  readonly digests: readonly string[];
}

/** Lists every undamaged commit record, newest first. */
export function listRecords(store: Store): RecordInfo[] {
  const records: RecordInfo[] = [];
  for (const file of listStored(store, 'actions')) {
    const record = readQuietly(file);
    if (record === null) continue;
    const { uses } = record.preimage;
    const parts = Object.values(record.outputs).flat();
    records.push({
      key: record.key,
      uses: typeof uses === 'string' ? uses : '',
      created: record.created,
      seconds: record.seconds,
      bytes: parts.reduce((sum, part) => sum + part.bytes, 0),
      images: parts.reduce((sum, part) => sum + part.images, 0),
      digests: parts.flatMap(({ digest, needs = [] }) => [digest, ...needs.map((needed) => needed.digest)]),
    });
  }
  return records.sort((a, b) => (a.created < b.created ? 1 : -1));
}

function readQuietly(file: StoredFile): CommitRecord | null {
  if (!file.name.endsWith('.json')) return null;
  try {
    return parseRecord(readFileSync(file.path, 'utf8'), file.name.slice(0, -'.json'.length));
  } catch {
    return null;
  }
}

export interface Verification {
  readonly objects: number;
  readonly bytes: number;
  readonly records: number;
  /** Digests of damaged objects and keys of damaged records. All of them are in quarantine now. */
  readonly damagedObjects: readonly string[];
  readonly damagedRecords: readonly string[];
  /**
   * Keys of records with a missing object. They count as absent, and are computed again when they are needed.
   */
  readonly incomplete: readonly string[];
}

/** Reads every object and record, and moves what is damaged to quarantine. */
export function verifyStore(
  store: Store,
  progress: (done: number, total: number) => void = () => undefined,
): Verification {
  const objects = listStored(store, 'objects').filter(({ name }) => !name.startsWith('.'));
  const actions = listStored(store, 'actions').filter(({ name }) => name.endsWith('.json'));
  const damagedObjects: string[] = [];
  let bytes = 0;
  objects.forEach((object, index) => {
    bytes += object.bytes;
    try {
      if (sha256(store.readObject(object.name)) !== object.name) damagedObjects.push(object.name);
    } catch (error) {
      if (!(error instanceof Error) || error.name !== 'DamagedObjectError') throw error;
      damagedObjects.push(object.name);
    }
    progress(index + 1, objects.length);
  });
  const damagedRecords: string[] = [];
  const incomplete: string[] = [];
  for (const { name } of actions) {
    const key = name.slice(0, -'.json'.length);
    if (store.peekRecord(key) === null) damagedRecords.push(key);
    else if (store.readRecord(key) === null) incomplete.push(key);
  }
  return {
    objects: objects.length,
    bytes,
    records: actions.length,
    damagedObjects,
    damagedRecords,
    incomplete,
  };
}
