import { readFileSync, statSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { repositoryOf } from './tracked-cache.ts';

/**
 * The commit that is checked out where a file is; null outside of a repository, and if it cannot be read. The files of git are read here, because
 * `git` would run what the configuration of a repository from elsewhere says. Whether files were changed since is not known.
 */
export function gitRevision(file: string): string | null {
  try {
    const found = repositoryOf(file);
    if (found === null) return null;
    const head = text(join(found.git, 'HEAD'));
    const [, ref] = /^ref: (refs\/[\w./-]+)$/.exec(head) ?? [];
    if (ref === undefined) return commit(head);
    // A worktree shares the branches of its repository.
    const shared = statSync(join(found.git, 'commondir'), { throwIfNoEntry: false })?.isFile()
      ? resolve(found.git, text(join(found.git, 'commondir')))
      : found.git;
    const loose = join(shared, ref);
    if (statSync(loose, { throwIfNoEntry: false })?.isFile()) return commit(text(loose));
    const packed = text(join(shared, 'packed-refs')).split('\n');
    return commit(packed.find((line) => line.endsWith(` ${ref}`))?.split(' ')[0] ?? '');
  } catch {
    return null;
  }
}

const mostBytes = 16 * 2 ** 20;

function text(path: string): string {
  if (statSync(path).size > mostBytes) throw new RangeError(`${path} is too large`);
  return readFileSync(path, 'utf8').trim();
}

function commit(text: string): string | null {
  return /^(?:[\da-f]{40}|[\da-f]{64})$/.test(text) ? text : null;
}
