import { existsSync, mkdirSync, readFileSync, renameSync, statSync } from 'node:fs';
import { basename, join } from 'node:path';
import { sha256 } from '../digest.ts';
import { moveDurable, tryUnlink, writeDurable, writeTemporary } from './durable.ts';
import { DamagedObjectError, errorCode, toStoreError } from './errors.ts';
import { encodeRecord, isForeignRecord, parseRecord } from './record.ts';
import type { CommitRecord, StoredObject } from './record.ts';

/** The content-addressed cache of one folder. Most methods are synchronous: their callers are worker processes and planners. */
export interface Store {
  /** The cache folder, absolute. */
  readonly folder: string;
  /**
   * The record of a key if it can be reused: whole, of this key, and all objects it needs present with their size. A damaged
   * record goes to quarantine with a warning and counts as a miss. Throws `StoreError` where the disk refuses.
   */
  readonly readRecord: (key: string) => CommitRecord | null;
  /** The record alone, whether or not its objects are still there: for explanations. */
  readonly peekRecord: (key: string) => CommitRecord | null;
  /** The verified bytes; throws `DamagedObjectError` where they are missing or damaged (then moved to quarantine). */
  readonly readObject: (digest: string) => Uint8Array;
  /** Durable once it returns. Writes nothing where the same bytes are there already. Returns the digest. */
  readonly writeObject: (bytes: Uint8Array) => string;
  /** The same, but digests many bytes while the disk takes them: for what is hardly ever there already. */
  readonly writeNewObject: (bytes: Uint8Array) => Promise<string>;
  /** Whether the object is there with its size; its bytes are not read. */
  readonly hasObject: (object: StoredObject) => boolean;
  /** Writes the commit record, the last step of a commit. */
  readonly commit: (record: Omit<CommitRecord, 'preimage'>, preimageText: string) => void;
  readonly objectPath: (digest: string) => string;
  readonly recordPath: (key: string) => string;
}

/** From here on hashing takes long enough to be worth a disk write in vain. */
const manyBytes = 1 << 20;

export function openStore(folder: string, warn: (message: string) => void = () => undefined): Store {
  const objects = `${folder}/objects/sha256/`;
  const actions = `${folder}/actions/`;
  const objectPath = (digest: string): string => `${objects}${digest.slice(0, 2)}/${digest}`;
  const recordPath = (key: string): string => `${actions}${key.slice(0, 2)}/${key}.json`;

  const quarantine = (path: string, reason: string): void => {
    const target = join(folder, 'quarantine', `${Date.now().toString(36)}-${basename(path)}`);
    try {
      mkdirSync(join(folder, 'quarantine'), { recursive: true });
      renameSync(path, target);
      warn(`${reason}; it was moved to ${target} and will be computed again`);
    } catch (error) {
      // Someone else moved it first; anything else means that we must not touch it.
      if (errorCode(error) !== 'ENOENT') throw toStoreError(error, path);
    }
  };

  let lastWasHit = false;
  const readText = (key: string): string | null => {
    const path = recordPath(key);
    try {
      // An exception costs several times a stat, a stat is a third of a hit: hits and misses come in long rows.
      if (!lastWasHit && statSync(path, { throwIfNoEntry: false }) === undefined) return null;
      const text = readFileSync(path, 'utf8');
      lastWasHit = true;
      return text;
    } catch (error) {
      lastWasHit = false;
      if (errorCode(error) === 'ENOENT' || errorCode(error) === 'ENOTDIR') return null;
      throw toStoreError(error, path);
    }
  };

  const peekRecord = (key: string): CommitRecord | null => {
    const text = readText(key);
    if (text === null) return null;
    let record: CommitRecord | null = null;
    try {
      record = parseRecord(text, key);
    } catch {
      record = null;
    }
    if (record === null && !isForeignRecord(text))
      quarantine(recordPath(key), `commit record ${key.slice(0, 12)}… is damaged`);
    return record;
  };

  const hasObject = ({ digest, bytes }: StoredObject): boolean => {
    try {
      return statSync(objectPath(digest), { throwIfNoEntry: false })?.size === bytes;
    } catch (error) {
      throw toStoreError(error, objectPath(digest));
    }
  };

  const readObject = (digest: string): Uint8Array => {
    const path = objectPath(digest);
    let bytes: Uint8Array;
    try {
      // No Buffer: its `slice` shares memory where that of every other byte array copies.
      const file = readFileSync(path);
      bytes = new Uint8Array(file.buffer, file.byteOffset, file.length);
    } catch (error) {
      if (errorCode(error) === 'ENOENT') throw new DamagedObjectError(digest, 'is missing from the cache');
      throw toStoreError(error, path);
    }
    if (sha256(bytes) === digest) return bytes;
    quarantine(path, `object ${digest.slice(0, 12)}… is damaged`);
    throw new DamagedObjectError(digest, 'was damaged');
  };

  /** Whether the object is there and whole; a damaged one goes to quarantine. */
  const isStored = (digest: string): boolean => {
    if (!existsSync(objectPath(digest))) return false;
    try {
      readObject(digest);
      return true;
    } catch (error) {
      if (error instanceof DamagedObjectError) return false;
      throw error;
    }
  };

  const writeObject = (bytes: Uint8Array): string => {
    const digest = sha256(bytes);
    const path = objectPath(digest);
    try {
      if (!isStored(digest)) writeDurable(path, bytes);
      return digest;
    } catch (error) {
      throw toStoreError(error, path, bytes.length);
    }
  };

  return {
    folder,
    objectPath,
    recordPath,
    peekRecord,
    readObject,
    hasObject,
    readRecord(key) {
      const record = peekRecord(key);
      if (record === null) return null;
      for (const port of Object.keys(record.outputs)) {
        for (const part of record.outputs[port]!) {
          if (!hasObject(part) || part.needs?.every(hasObject) === false) return null;
        }
      }
      return record;
    },
    writeObject,
    async writeNewObject(bytes) {
      if (bytes.length < manyBytes) return writeObject(bytes);
      try {
        // In any of the folders: which one is not known yet.
        const { temporary, result } = await writeTemporary(`${objects}00`, bytes, () => sha256(bytes));
        if (isStored(result)) tryUnlink(temporary);
        else moveDurable(temporary, objectPath(result));
        return result;
      } catch (error) {
        throw toStoreError(error, objects, bytes.length);
      }
    },
    commit(record, preimageText) {
      const path = recordPath(record.key);
      const text = encodeRecord(record, preimageText);
      try {
        writeDurable(path, text);
      } catch (error) {
        throw toStoreError(error, path, text.length);
      }
    },
  };
}
