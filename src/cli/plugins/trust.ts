/**
 * Trust in the code of a project. The list of allowed plugins lies in the project, so whoever brings a plugin brings
 * the line that allows it, and a clone would run code at its first `ravelin validate`. Trust is therefore given once
 * for each project by the user of this machine, and remembered in a folder of that user.
 */
import type { Graph } from '../../dsl/graph.ts';
import type { CodePermission } from '../../runtime/plan/resolve-path.ts';
import { forget, recall, remember } from '../user-memory.ts';
import { readPermissions } from './permissions.ts';
import { PluginError } from './plugin-error.ts';

/** Whether the code of the project at `root` may run: by `ravelin trust`, by `--trust`, or by RAVELIN_TRUST=1. */
export function isTrusted(root: string): boolean {
  if (process.env['RAVELIN_TRUST'] === '1') return true;
  return recall('trusted-projects', root)?.length === 0;
}

/** Remembers that the code of the project may run. Throws `UsageError` if that cannot be written. */
export function trust(root: string): void {
  remember('trusted-projects', root, [], { what: 'the trust', otherwise: 'give --trust to each command' });
}

export function withdrawTrust(root: string): void {
  forget('trusted-projects', root);
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

/** Which modules of Python may run, by which interpreters. Throws `UsageError` if package.json cannot be read. */
export function codePermission({ root, cells }: Pick<Graph, 'root' | 'cells'>): CodePermission {
  const { python } = readPermissions(root);
  const programs = cells.flatMap(({ uses, params: { python: named } }) =>
    uses === 'model/python' && typeof named === 'string' ? [named] : [],
  );
  return {
    modules: python,
    isTrusted: python.length > 0 && isTrusted(root),
    programs: [...new Set(programs)],
  };
}
