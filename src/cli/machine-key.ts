import { randomBytes } from 'node:crypto';
import { mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { whileLocked } from '../runtime/store/lock.ts';
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
    whileLocked(path, () => {
      // Of several processes that do this at once, the first decides, since the others may have signed nothing yet.
      if (readKey(path) === null) renameSync(temporary, path);
      else rmSync(temporary);
    });
  } catch {
    // The folder cannot be written to.
  }
  return readKey(path);
}
