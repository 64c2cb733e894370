import { existsSync, readFileSync } from 'node:fs';
import { isDigest } from '../digest.ts';
import { keyOfCheckpoint } from './checkpoints.ts';
import { DamagedObjectError } from './errors.ts';
import { listQuarantine, listStored, type StoredFile } from './list-stored.ts';
import { parseRecord } from './record.ts';
import type { CommitRecord } from './record.ts';
import type { Store } from './store.ts';

export interface DiskUsage {
  readonly objects: { readonly count: number; readonly bytes: number };
  readonly records: { readonly count: number; readonly bytes: number };
  /** States of units that have not ended, such as trainings. */
  readonly checkpoints: { readonly count: number; readonly bytes: number };
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
    objects: total(listStored(store, 'objects')),
    records: total(listStored(store, 'actions')),
    checkpoints: total(listStored(store, 'checkpoints')),
    quarantine: total(listQuarantine(store)),
    stages: [...stages].map(([uses, sums]) => ({ uses, ...sums })).sort((a, b) => b.bytes - a.bytes),
  };
}

function total(files: readonly StoredFile[]): { count: number; bytes: number } {
  return { count: files.length, bytes: files.reduce((sum, { bytes }) => sum + bytes, 0) };
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
    const parts = Object.values(record.outputs).flat();
    records.push({
      key: record.key,
      uses: record.preimage.uses,
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
  const key = keyOfRecord(file.name);
  if (key === null) return null;
  try {
    return parseRecord(readFileSync(file.path, 'utf8'), key);
  } catch {
    return null;
  }
}

export interface Verification {
  readonly objects: number;
  readonly bytes: number;
  readonly records: number;
  readonly checkpoints: number;
  /** Digests of damaged objects. They are in quarantine now, and so are the damaged records and checkpoints. */
  readonly damagedObjects: readonly string[];
  /** Keys of damaged records. */
  readonly damagedRecords: readonly string[];
  /** Keys of the units whose checkpoint is damaged: they start again. */
  readonly damagedCheckpoints: readonly string[];
  /**
   * Keys of records with a missing object. They count as absent, and are computed again when they are needed.
   */
  readonly incomplete: readonly string[];
}

/**
 * Reads every object, record and checkpoint, and moves what is damaged to quarantine. Files of other versions are
 * passed over.
 */
export function verifyStore(
  store: Store,
  progress: (done: number, total: number) => void = () => undefined,
): Verification {
  const objects = listStored(store, 'objects').filter(
    ({ name, path }) => isDigest(name) && path === store.objectPath(name),
  );
  const keys = listStored(store, 'actions').flatMap(({ name }) => keyOfRecord(name) ?? []);
  const checkpoints = listStored(store, 'checkpoints').flatMap(({ name }) => keyOfCheckpoint(name) ?? []);
  const damagedObjects: string[] = [];
  let bytes = 0;
  objects.forEach((object, index) => {
    bytes += object.bytes;
    try {
      store.readObject(object.name);
    } catch (error) {
      if (!(error instanceof DamagedObjectError)) throw error;
      damagedObjects.push(object.name);
    }
    progress(index + 1, objects.length);
  });
  const damagedRecords: string[] = [];
  const incomplete: string[] = [];
  let foreign = 0;
  for (const key of keys) {
    if (store.peekRecord(key) !== null) {
      if (store.readRecord(key) === null) incomplete.push(key);
    } else if (existsSync(store.recordPath(key))) foreign++;
    else damagedRecords.push(key);
  }
  return {
    objects: objects.length,
    bytes,
    records: keys.length - foreign,
    checkpoints: checkpoints.length,
    damagedObjects,
    damagedRecords,
    damagedCheckpoints: checkpoints.filter((key) => store.readCheckpoint(key) === 'damaged'),
    incomplete,
  };
}

function keyOfRecord(name: string): string | null {
  const key = name.endsWith('.json') ? name.slice(0, -'.json'.length) : '';
  return isDigest(key) ? key : null;
}
