import { existsSync, lstatSync, readdirSync, readlinkSync } from 'node:fs';
import { dirname, join } from 'node:path';

/** Why there is no file at a path, in a sentence, and what to do. */
export interface MissingFile {
  readonly message: string;
  readonly fix: string;
}

/**
 * Says of a path that does not exist whether it is a link to nothing, or whether the folder has the same name
 * in another form of Unicode, as macOS and Windows write `é`.
 */
export function describeMissing(path: string): MissingFile {
  const target = linkTarget(path);
  if (target !== null) {
    return {
      message: `${path} links to ${target}, which does not exist`,
      fix: 'put the file there, or correct or remove the link',
    };
  }
  if (otherUnicodeForm(path)) {
    return {
      message: `${path} does not exist, but there is the same name in another Unicode form`,
      fix: 'rename it on the disk, or write its name exactly as it is there',
    };
  }
  return {
    message: `${path} does not exist`,
    fix: 'correct the path; in a pipeline it is relative to the pipeline file',
  };
}

function linkTarget(path: string): string | null {
  try {
    return lstatSync(path).isSymbolicLink() ? readlinkSync(path) : null;
  } catch {
    return null;
  }
}

/** Whether the first part of the path that is missing is there with another composition of its characters. */
function otherUnicodeForm(path: string): boolean {
  let missing = path;
  while (!existsSync(dirname(missing)) && dirname(missing) !== missing) missing = dirname(missing);
  try {
    const folder = dirname(missing);
    return readdirSync(folder).some((name) => join(folder, name).normalize() === missing.normalize());
  } catch {
    return false;
  }
}
