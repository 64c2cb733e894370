import { closeSync, readFileSync, readSync, statSync } from 'node:fs';
import { createHash } from 'node:crypto';
import { relative } from 'node:path';
import { openFile } from '../../files/open-file.ts';
import { isDigest, sha256 } from '../digest.ts';
import { writeSideMemory } from '../store/durable.ts';

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
  /** Writes the new digests down, if the cache can be written to; called once at the end. */
  readonly save: () => void;
}

type Entry = readonly [size: number, mtimeMs: number, ctimeMs: number, inode: number, digest: string];

/**
 * A file changed again within the clock's resolution of its first digest would look unchanged, so a digest of
 * a file younger than this is not remembered.
 */
const youngMs = 2_000;

export function openFileDigests(cacheFolder: string, now: () => number = Date.now): FileDigests {
  const path = `${cacheFolder}/files.json`;
  let entries: Map<string, Entry> | null = null;
  let changed = false;
  const seen = new Map<string, string>();

  const load = (): Map<string, Entry> => {
    try {
      const text = readFileSync(path, 'utf8');
      const body = text.slice(text.indexOf('\n') + 1);
      // A digest with a flipped bit would be believed, and give the results other keys.
      if (text === checkedText(body))
        return new Map(Object.entries(JSON.parse(body) as Record<string, Entry>));
    } catch {
      // The file is absent or damaged. It only remembers what can be computed again.
    }
    return new Map();
  };

  return {
    digest(file) {
      const already = seen.get(file);
      if (already !== undefined) return already;
      entries ??= load();
      const { size, mtimeMs, ctimeMs, ino } = statSync(file);
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
        if (now() - Math.max(mtimeMs, ctimeMs) > youngMs)
          entries.set(file, [size, mtimeMs, ctimeMs, ino, digest]);
        else entries.delete(file);
        changed = true;
      }
      seen.set(file, digest);
      return digest;
    },
    save() {
      if (!changed || entries === null) return;
      writeSideMemory(path, checkedText(JSON.stringify(Object.fromEntries(entries))));
      changed = false;
    },
  };
}

/** The first line names the format and the digest of what follows; anything else is of another version, or damaged. */
function checkedText(body: string): string {
  return `ravelin file digests 2 ${sha256(body)}\n${body}`;
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
 * the project root, and never absolute.
 */
export function fileName(path: string, root: string): string {
  const at = path.lastIndexOf('/node_modules/');
  if (at >= 0) return path.slice(at + '/node_modules/'.length);
  return relative(root, path).replaceAll('\\', '/');
}
