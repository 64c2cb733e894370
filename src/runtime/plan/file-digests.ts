import { closeSync, readFileSync, readSync, type Stats, statSync } from 'node:fs';
import { createHash } from 'node:crypto';
import { dirname, relative } from 'node:path';
import { openFile } from '../../files/open-file.ts';
import { isDigest } from '../digest.ts';
import { checkedBody, checkedFile } from '../store/checked-file.ts';
import { writeSideMemory } from '../store/durable.ts';
import { isBelow } from './resolve-path.ts';

/**
 * Digests of source files. They are remembered by size, times and inode, so
 * that a second look at a file is a stat.
 */
export interface FileDigests {
  /**
   * Returns the SHA-256 of the file's content. Throws `UnreadableFileError` for a named pipe or a device, and
   * the error of the file system if it cannot be read.
   */
  readonly digest: (path: string) => string;
  /** The same, with what it takes to see later whether the file is still what it was. */
  readonly describe: (path: string) => FileDigest;
  /** Writes the new digests down, if the cache can be written to; called once at the end. */
  readonly save: () => void;
}

/** A file as it was when a plan was made. */
export interface FileDigest {
  /** Absolute. */
  readonly path: string;
  readonly digest: string;
  /** Its size, times and inode; absent if it was so young that it could have changed without changing them. */
  readonly look?: string;
}

/** Finds the first of the files that is not what it was; null if all are. A file that looks as it did is not read. */
export function changedFile(files: readonly FileDigest[]): string | null {
  const isSame = ({ path, digest, look }: FileDigest): boolean => {
    try {
      return lookOf(statSync(path)) === look || digestFile(path) === digest;
    } catch {
      // It is gone, or cannot be read any more.
      return false;
    }
  };
  return files.find((file) => !isSame(file))?.path ?? null;
}

function lookOf({ size, mtimeMs, ctimeMs, ino }: Stats): string {
  return [size, mtimeMs, ctimeMs, ino].join(' ');
}

type Entry = readonly [size: number, mtimeMs: number, ctimeMs: number, inode: number, digest: string];

/**
 * A file changed again within the clock's resolution of its first digest would look unchanged, so a digest of
 * a file younger than this is not remembered.
 */
const youngMs = 2_000;

const title = 'ravelin file digests 2';

export function openFileDigests(cacheFolder: string, now: () => number = Date.now): FileDigests {
  const path = `${cacheFolder}/files.json`;
  let entries: Map<string, Entry> | null = null;
  let changed = false;
  const seen = new Map<string, FileDigest>();

  const load = (): Map<string, Entry> => {
    try {
      // A digest with a flipped bit would be believed, and give the results other keys.
      const body = checkedBody(title, readFileSync(path));
      if (body !== null)
        return new Map(Object.entries(JSON.parse(body.toString('utf8')) as Record<string, Entry>));
    } catch {
      // The file is absent or damaged. It only remembers what can be computed again.
    }
    return new Map();
  };

  const describe = (file: string): FileDigest => {
    const already = seen.get(file);
    if (already !== undefined) return already;
    entries ??= load();
    const stat = statSync(file);
    const { size, mtimeMs, ctimeMs, ino } = stat;
    const isYoung = now() - Math.max(mtimeMs, ctimeMs) <= youngMs;
    const known = entries.get(file);
    let digest: string;
    if (
      known?.[0] === size &&
      isDigest(known[4]) &&
      known[1] === mtimeMs &&
      known[2] === ctimeMs &&
      known[3] === ino
    )
      digest = known[4];
    else {
      digest = digestFile(file);
      if (isYoung) entries.delete(file);
      else entries.set(file, [size, mtimeMs, ctimeMs, ino, digest]);
      changed = true;
    }
    const described = { path: file, digest, ...(!isYoung && { look: lookOf(stat) }) };
    seen.set(file, described);
    return described;
  };

  return {
    digest: (file) => describe(file).digest,
    describe,
    save() {
      if (!changed || entries === null) return;
      const body = Buffer.from(JSON.stringify(Object.fromEntries(entries)));
      writeSideMemory(path, checkedFile(title, body));
      changed = false;
    },
  };
}

function digestFile(path: string): string {
  const hash = createHash('sha256');
  const file = openFile(path);
  try {
    const buffer = Buffer.allocUnsafe(1 << 20);
    for (let read = 1; read > 0;) {
      read = readSync(file, buffer, 0, buffer.length, null);
      hash.update(buffer.subarray(0, read));
    }
  } finally {
    closeSync(file);
  }
  return hash.digest('hex');
}

/**
 * The name under which a file enters a key: relative to its npm package or to
 * the project root, and never absolute. A file outside of the project is named by what the pipeline names, one of
 * `named`, and the way from there, so that its name does not depend on where the project lies.
 */
export function fileName(path: string, root: string, named: Iterable<string> = []): string {
  const at = path.lastIndexOf('/node_modules/');
  if (at >= 0) return path.slice(at + '/node_modules/'.length);
  if (!isBelow(root, path)) {
    const places = [...named].sort((a, b) => b.length - a.length);
    // Weights lie beside the file that names them.
    const place =
      places.find((one) => isBelow(one, path)) ?? places.find((one) => isBelow(dirname(one), path));
    if (place !== undefined) return relative(dirname(place), path).replaceAll('\\', '/');
  }
  return relative(root, path).replaceAll('\\', '/');
}
