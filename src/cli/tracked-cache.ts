import { readFileSync, statSync } from 'node:fs';
import { dirname, join, relative, resolve, sep } from 'node:path';

/**
 * Whether git tracks a file below a folder. It reads the index itself, because `git` would run what the configuration
 * of a repository from elsewhere says. What cannot be read counts as not tracked.
 */
export function isTrackedByGit(folder: string): boolean {
  try {
    const found = repositoryOf(folder);
    if (found === null) return false;
    const prefix = `${relative(found.root, folder).split(sep).join('/')}/`;
    return hasEntryBelow(readFileSync(join(found.git, 'index')), prefix);
  } catch {
    return false;
  }
}

/** The nearest repository above a folder, and the folder with its index and its head. */
export function repositoryOf(start: string): { readonly root: string; readonly git: string } | null {
  for (let root = dirname(start); ; root = dirname(root)) {
    const git = join(root, '.git');
    const stat = statSync(git, { throwIfNoEntry: false });
    if (stat?.isDirectory()) return { root, git };
    if (stat?.isFile()) {
      // A worktree or a submodule: the file says where its git folder is.
      const named = /^gitdir: (.+)$/m.exec(readFileSync(git, 'utf8'))?.[1];
      return named === undefined ? null : { root, git: resolve(root, named) };
    }
    if (dirname(root) === root) return null;
  }
}

/** Bytes of an entry before its flags, with digests by SHA-1 and by SHA-256. */
const fixedBytes = [60, 72] as const;

/** Goes through the entries of an index of version 2, 3 or 4 (gitformat-index(5)). They are sorted by path. */
export function hasEntryBelow(index: Buffer, prefix: string): boolean {
  if (index.toString('latin1', 0, 4) !== 'DIRC') return false;
  // This spares most projects the rest. Version 4 writes down only what differs from the path before.
  if (index.readUInt32BE(4) < 4 && !index.includes(prefix)) return false;
  // The index does not say which digest it uses, and with the wrong one its entries make no sense.
  return fixedBytes.some((fixed) => pathsOf(index, fixed)?.some((path) => path.startsWith(prefix)) === true);
}

/** The paths of all entries; null if the file is not an index with digests of this size. */
function pathsOf(index: Buffer, fixed: number): string[] | null {
  const version = index.readUInt32BE(4);
  const count = index.readUInt32BE(8);
  const paths: string[] = [];
  let at = 12;
  let previous = Buffer.alloc(0);
  for (let entry = 0; entry < count; entry++) {
    const start = at;
    if (at + fixed + 4 > index.length) return null;
    const flags = index.readUInt16BE(at + fixed);
    // An extended entry has two more bytes of flags.
    at += fixed + (version >= 3 && (flags & 0x4000) !== 0 ? 4 : 2);
    let kept = Buffer.alloc(0);
    if (version >= 4) {
      let byte = index[at++]!;
      let removed = byte & 0x7f;
      while ((byte & 0x80) !== 0) {
        byte = index[at++]!;
        removed = ((removed + 1) << 7) | (byte & 0x7f);
      }
      if (removed > previous.length) return null;
      kept = previous.subarray(0, previous.length - removed);
    }
    const end = index.indexOf(0, at);
    if (end < 0) return null;
    previous = Buffer.concat([kept, index.subarray(at, end)]);
    // The name's length stands in the flags, unless it is too long for them.
    const length = flags & 0xfff;
    if (length !== 0xfff && length !== previous.length) return null;
    paths.push(previous.toString('utf8'));
    // Version 4 has no padding; the others pad an entry to a multiple of eight bytes, with at least one zero.
    at = version >= 4 ? end + 1 : start + ((end - start + 8) & ~7);
  }
  return paths;
}
