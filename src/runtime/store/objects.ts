import { existsSync, readFileSync, statSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { sha256 } from '../digest.ts';
import { moveDurable, tryUnlink, writeDurable, writeTemporary } from './durable.ts';
import { DamagedObjectError, errorCode, toStoreError } from './errors.ts';
import type { Quarantine } from './quarantine.ts';
import type { StoredObject } from './record.ts';

/**
 * The bytes of all outputs, each under the digest of its content. Every method
 * throws `StoreError` if the disk refuses.
 */
export interface Objects {
  readonly objectPath: (digest: string) => string;
  /**
   * Returns the verified bytes. Throws `DamagedObjectError` if they are missing or
   * damaged (they are then in quarantine).
   */
  readonly readObject: (digest: string) => Uint8Array;
  /**
   * Fills `target` with the bytes from `position` on. They are not verified: the caller knows what they should be, and
   * calls `condemn` if they are not. Throws `DamagedObjectError` if they are missing.
   */
  readonly readRange: (digest: string, position: number, target: Uint8Array) => Promise<void>;
  /** Moves an object whose bytes are wrong to quarantine, and returns the error for it. */
  readonly condemn: (digest: string) => DamagedObjectError;
  /** Whether the object is there with its size; its bytes are not read. */
  readonly hasObject: (object: StoredObject) => boolean;
  /** Durable once it returns. Writes nothing if the same bytes are already there. Returns the digest. */
  readonly writeObject: (bytes: Uint8Array) => string;
  /**
   * Like `writeObject`, but hashes large content while the disk takes it:
   * for what is hardly ever there already.
   */
  readonly writeNewObject: (bytes: Uint8Array) => Promise<string>;
}

/** From this size on, hashing takes long enough to be worth a disk write that may turn out to be in vain. */
const manyBytes = 1 << 20;

export function openObjects(cacheFolder: string, quarantine: Quarantine): Objects {
  const folder = `${cacheFolder}/objects/sha256/`;
  const objectPath = (digest: string): string => `${folder}${digest.slice(0, 2)}/${digest}`;

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
      // Not a Buffer, because `slice` of a Buffer shares memory and `slice` of every other byte array copies.
      const file = readFileSync(path);
      bytes = new Uint8Array(file.buffer, file.byteOffset, file.length);
    } catch (error) {
      if (errorCode(error) === 'ENOENT') throw new DamagedObjectError(digest, 'is missing from the cache');
      throw toStoreError(error, path);
    }
    if (sha256(bytes) === digest) return bytes;
    throw condemn(digest);
  };

  const condemn = (digest: string): DamagedObjectError => {
    quarantine(objectPath(digest), `object ${digest.slice(0, 12)}…`);
    return new DamagedObjectError(digest, 'was damaged');
  };

  const readRange = async (digest: string, position: number, target: Uint8Array): Promise<void> => {
    const path = objectPath(digest);
    try {
      const file = await open(path);
      try {
        for (let done = 0; done < target.length;) {
          const { bytesRead } = await file.read(target, done, target.length - done, position + done);
          if (bytesRead === 0) throw condemn(digest);
          done += bytesRead;
        }
      } finally {
        await file.close();
      }
    } catch (error) {
      if (error instanceof DamagedObjectError) throw error;
      if (errorCode(error) === 'ENOENT') throw new DamagedObjectError(digest, 'is missing from the cache');
      throw toStoreError(error, path);
    }
  };

  /** Whether the object is there and undamaged; a damaged one goes to quarantine. */
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

  const writeNewObject = async (bytes: Uint8Array): Promise<string> => {
    if (bytes.length < manyBytes) return writeObject(bytes);
    try {
      // Any of the two-letter folders will do, because the right one is not known yet.
      const { temporary, result } = await writeTemporary(`${folder}00`, bytes, () => sha256(bytes));
      if (isStored(result)) tryUnlink(temporary);
      else moveDurable(temporary, objectPath(result));
      return result;
    } catch (error) {
      throw toStoreError(error, folder, bytes.length);
    }
  };

  return { objectPath, readObject, readRange, condemn, hasObject, writeObject, writeNewObject };
}
