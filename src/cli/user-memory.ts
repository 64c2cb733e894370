/**
 * Decisions of the user of this machine about a project. They are remembered in a folder of that user, because a file
 * of the project comes from whoever made the project.
 */
import { createHash } from 'node:crypto';
import { readFileSync, realpathSync, rmSync } from 'node:fs';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';
import { writeWhole } from '../files/write-whole.ts';
import { whileLocked } from '../runtime/store/lock.ts';
import { UsageError } from './exit-codes.ts';

/** A kind of decision; each project has a file of its own below a folder of this name. */
export type Decision = 'trusted-projects' | 'allowed-paths';

/** The lines that were remembered for the project at `root`; null if there are none, the file is damaged or of another project, or there is no such folder. */
export function recall(decision: Decision, root: string): readonly string[] | null {
  try {
    const project = realpathSync(root);
    const [head, ...lines] = readFileSync(fileOf(decision, project), 'utf8').split('\n');
    return head === project && lines.pop() === '' ? lines : null;
  } catch {
    return null;
  }
}

/**
 * Changes the lines of a decision from those that are remembered, while no other process does; null forgets the decision.
 * `failure` is that of `remember`.
 */
export function rememberChange(
  decision: Decision,
  root: string,
  change: (lines: readonly string[] | null) => readonly string[] | null,
  failure: { readonly what: string; readonly otherwise: string },
): void {
  whileLocked(fileOf(decision, realpathSync(root)), () =>
    remember(decision, root, change(recall(decision, root)), failure),
  );
}

/** Remembers a decision with these lines, or forgets it for null. `failure` names it, and the other way to make it, if it cannot be written: `UsageError`. */
export function remember(
  decision: Decision,
  root: string,
  lines: readonly string[] | null,
  failure: { readonly what: string; readonly otherwise: string },
): void {
  const project = realpathSync(root);
  const file = fileOf(decision, project);
  try {
    if (lines === null) {
      forget(decision, root);
      return;
    }
    writeWhole(file, [project, ...lines].map((line) => `${line}\n`).join(''));
  } catch (error) {
    throw new UsageError(
      `${failure.what} cannot be saved in ${dirname(file)}: ${error instanceof Error ? error.message : String(error)}`,
      `make that folder writable, or ${failure.otherwise}`,
    );
  }
}

export function forget(decision: Decision, root: string): void {
  rmSync(fileOf(decision, realpathSync(root)), { force: true });
}

/** Named by the digest of the real path of the project, so that projects stand side by side. */
function fileOf(decision: Decision, project: string): string {
  const name = createHash('sha256').update(project).digest('hex').slice(0, 32);
  return join(userFolder(), decision, `${name}.txt`);
}

/** `$RAVELIN_HOME`, else in the configuration folder of the user; never in a project. */
function userFolder(): string {
  const given = (name: string): string | undefined => process.env[name] || undefined;
  return given('RAVELIN_HOME') ?? join(given('XDG_CONFIG_HOME') ?? join(homedir(), '.config'), 'ravelin');
}
