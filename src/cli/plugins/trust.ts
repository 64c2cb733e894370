/**
 * Trust in the code of a project. The list of allowed plugins lies in the project, so whoever brings a plugin brings
 * the line that allows it, and a clone would run code at its first `ravelin validate`. Trust is therefore given once
 * for each project by the user of this machine, and remembered in a folder of that user.
 */
import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';
import { UsageError } from '../exit-codes.ts';
import { readPermissions } from './permissions.ts';
import { PluginError } from './plugin-error.ts';

/** Whether the code of the project at `root` may run: by `ravelin trust`, by `--trust`, or by RAVELIN_TRUST=1. */
export function isTrusted(root: string): boolean {
  if (process.env['RAVELIN_TRUST'] === '1') return true;
  const project = realpathSync(root);
  try {
    return readFileSync(trustFile(project), 'utf8') === textOf(project);
  } catch {
    return false;
  }
}

/** Remembers that the code of the project may run. Throws `UsageError` if that cannot be written. */
export function trust(root: string): void {
  const project = realpathSync(root);
  const file = trustFile(project);
  try {
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, textOf(project));
  } catch (error) {
    throw new UsageError(
      `the trust cannot be remembered in ${dirname(file)}: ${error instanceof Error ? error.message : String(error)}`,
      'make that folder writable, or give --trust to each command',
    );
  }
}

export function withdrawTrust(root: string): void {
  rmSync(trustFile(realpathSync(root)), { force: true });
}

/** Throws `PluginError` unless the code of the project may run. */
export function requireTrust(root: string): void {
  if (isTrusted(root)) return;
  throw new PluginError({
    message: `the plugins of ${root} cannot be loaded: they are code, and this project is not trusted on this machine`,
    fix: 'look at them, then run: ravelin trust (or give --trust to a single command, or set RAVELIN_TRUST=1 in CI)',
  });
}

/** The flags for sbatch that the project allows, if it is trusted. Throws `UsageError` if package.json cannot be read. */
export function allowedSlurmFlags(root: string): readonly string[] {
  const { slurmFlags } = readPermissions(root);
  return slurmFlags.length > 0 && isTrusted(root) ? slurmFlags : [];
}

/** One file for each project, named by the digest of its real path, so that projects are trusted side by side. */
function trustFile(project: string): string {
  return join(trustFolder(), `${createHash('sha256').update(project).digest('hex').slice(0, 32)}.txt`);
}

function textOf(project: string): string {
  return `${project}\n`;
}

/** Below $RAVELIN_HOME, else in the configuration folder of the user; never in a project. */
function trustFolder(): string {
  const given = (name: string): string | undefined => process.env[name] || undefined;
  const home = given('RAVELIN_HOME');
  if (home !== undefined) return join(home, 'trusted-projects');
  return join(given('XDG_CONFIG_HOME') ?? join(homedir(), '.config'), 'ravelin', 'trusted-projects');
}
