import { randomBytes } from 'node:crypto';
import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ravelinHome } from '../setup/locations.ts';

const keyBytes = 32;

/**
 * A secret of this user on this machine. It lies outside of all projects, so that what it signs cannot come with one.
 * Created when it is first needed. Returns null if there is none and none can be created; what needs it is then done
 * without.
 */
export function machineKey(): Uint8Array | null {
  const path = join(ravelinHome(), 'machine-key');
  return readKey(path) ?? createKey(path);
}

function readKey(path: string): Uint8Array | null {
  try {
    const key = readFileSync(path);
    return key.length === keyBytes ? key : null;
  } catch {
    return null;
  }
}

function createKey(path: string): Uint8Array | null {
  const temporary = `${path}.${process.pid}`;
  try {
    mkdirSync(ravelinHome(), { recursive: true });
    writeFileSync(temporary, randomBytes(keyBytes), { mode: 0o600 });
    // Of several processes that do this at once, the last decides, and the files of the others are made again.
    renameSync(temporary, path);
  } catch {
    // The folder cannot be written to.
  }
  return readKey(path);
}
