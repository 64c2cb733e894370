import { accessSync, constants, existsSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import { describeMissing } from './missing-file.ts';

/** An error of the file system as a user can act on it: what is wrong in one sentence, and the remedy. */
export interface FileProblem {
  /** The code that the system gave: `ENOSPC`. */
  readonly code: string;
  readonly path: string | null;
  readonly message: string;
  readonly fix: string;
}

/**
 * Says what an error of the file system means, wherever one reaches a user. Returns null for any other error.
 * `path` is used if the error names none, as that of a write to an open file does.
 */
export function toUserError(error: unknown, path?: string): FileProblem | null {
  if (!isFileError(error)) return null;
  const at = error.path ?? path ?? null;
  const code = codeOf(error, at);
  const [message, fix] = (sentences[code] ?? otherwise)(at ?? 'the file', error);
  return { code, path: at, message: `${message} (${code})`, fix };
}

/**
 * The code of an error. A folder that is to be created with all folders above it is reported by Node as missing if
 * one above it may not be written to; the folder above is then asked.
 */
function codeOf({ code, syscall }: FileError, path: string | null): string {
  if (code !== 'ENOENT' || syscall !== 'mkdir' || path === null) return code;
  for (let folder = dirname(path); ; folder = dirname(folder)) {
    if (existsSync(folder)) {
      try {
        accessSync(folder, constants.W_OK | constants.X_OK);
        return code;
      } catch (cause) {
        return isFileError(cause) ? cause.code : code;
      }
    }
    if (dirname(folder) === folder) return code;
  }
}

/** Whether an error comes from the file system: Node gives these a code and the call that failed. */
export function isFileError(error: unknown): error is FileError {
  if (!(error instanceof Error)) return false;
  const { code, syscall } = error as Partial<FileError>;
  return (
    typeof code === 'string' &&
    /^E[A-Z0-9]+$/.test(code) &&
    typeof syscall === 'string' &&
    // Not a failure to start a program or to reach a network.
    !/^(spawn|connect|getaddrinfo|listen|bind|kill|accept)/.test(syscall)
  );
}

interface FileError extends Error {
  readonly code: string;
  readonly syscall: string;
  readonly path?: string;
}

type Sentence = (path: string, error: FileError) => readonly [message: string, fix: string];

const noPermission: Sentence = (path, error) => [
  `this user may not ${verbOf(error)} ${path}`,
  'change its permissions, or give another path',
];
const noSpace = 'free some space, or give a path on another disk';

const sentences: Readonly<Record<string, Sentence>> = {
  ENOENT: (path) => {
    const { message, fix } = describeMissing(path);
    return [message, fix];
  },
  EACCES: noPermission,
  EPERM: noPermission,
  EROFS: (path) => [
    `${path} is on a disk that can only be read`,
    'give a path on a disk that can be written to',
  ],
  ENOTDIR: (path) => [
    `${fileAbove(path)} is a file where a folder is needed`,
    'rename it, or give another path',
  ],
  EISDIR: (path) => [`${path} is a folder where a file is needed`, 'rename it, or give the path of a file'],
  EEXIST: (path) => [`${path} exists already`, 'remove or rename it, or give another path'],
  ENOTEMPTY: (path) => [`the folder ${path} is not empty`, 'remove what is in it, or give another path'],
  ENOSPC: (path) => [`no space is left on the disk of ${path}`, noSpace],
  EDQUOT: (path) => [`the quota of this user on the disk of ${path} is used up`, noSpace],
  EFBIG: (path) => [
    `${path} would be larger than its file system or ulimit -f allows`,
    'give a path on another disk, or raise the limit',
  ],
  EMFILE: (path) => [
    `${path} could not be opened, because this process has too many files open`,
    "raise the limit ('ulimit -n 4096'), or run with fewer workers ('-j')",
  ],
  ENFILE: (path) => [
    `${path} could not be opened, because this machine has too many files open`,
    'end other programs, or ask who runs the machine to raise the limit',
  ],
  ELOOP: (path) => [
    `the links at ${path} lead in a circle`,
    'replace the link by the file that it should name',
  ],
  ENAMETOOLONG: (path) => [
    `the name ${path} is longer than the file system allows`,
    'give a shorter path, or shorten names and labels',
  ],
  EIO: (path) => [
    `the disk of ${path} failed`,
    'check the disk (the log of the system says more), and copy what is on it',
  ],
  EBUSY: (path) => [`${path} is in use by another program`, 'end that program, or try again later'],
  ETXTBSY: (path) => [`${path} is in use by another program`, 'end that program, or try again later'],
  ESTALE: (path) => [
    `the network file system no longer knows ${path}`,
    'try again; if it stays, mount the file system again',
  ],
  ETIMEDOUT: (path) => [
    `the network file system of ${path} did not answer`,
    'check the network, and try again',
  ],
  EXDEV: (path) => [`${path} cannot be moved to another disk`, 'give paths on one disk'],
  EINVAL: (path, error) => [`the file system refuses to ${verbOf(error)} ${path}`, 'give another path'],
};

const otherwise: Sentence = (path, error) => [
  `the system could not ${verbOf(error)} ${path}`,
  'check the path and its disk, or give another path',
];

const verbs: Readonly<Record<string, string>> = {
  scandir: 'list',
  opendir: 'list',
  mkdir: 'create',
  mkdtemp: 'create a folder at',
  unlink: 'remove',
  rmdir: 'remove',
  rm: 'remove',
  rename: 'replace',
  write: 'write to',
  ftruncate: 'write to',
  fsync: 'write to',
  copyfile: 'copy',
  stat: 'look up',
  lstat: 'look up',
  statfs: 'look up',
  chmod: 'change the permissions of',
  utime: 'change the time of',
  read: 'read',
  link: 'link',
  symlink: 'link',
  access: 'use',
};

/** The verb for the call that failed, for `this user may not …`. */
function verbOf({ syscall }: FileError): string {
  return verbs[syscall] ?? 'open';
}

/** The part of a path that is a file though the path goes on below it; the path itself if there is none. */
function fileAbove(path: string): string {
  for (let part = path; ; part = dirname(part)) {
    try {
      if (!statSync(part).isDirectory()) return part;
    } catch {
      // This part does not exist; one above it may.
    }
    if (dirname(part) === part) return path;
  }
}
