import { dirname, relative, sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import { ValueError } from '../../../values/value-error.ts';
import type { TaskFailure, WorkerSetup } from '../../executor.ts';
import type { Stage } from '../../stage.ts';

/** Folder of the code of ravelin, which may be inside of the project. */
const own = dirname(fileURLToPath(import.meta.url));

/**
 * Adds to a failure the place in a plugin that threw, if one did, and the remedy. An error that a plugin throws
 * for its user (`StageError`) says all that itself.
 */
export function ofPlugin(
  failure: TaskFailure,
  error: unknown,
  stage: Stage | undefined,
  { root }: Pick<WorkerSetup, 'root'>,
): TaskFailure {
  if (failure.code !== 'stage') return failure;
  const isPlugin = stage?.source !== undefined;
  const uses = stage?.partOf ?? stage?.uses ?? 'the stage';
  if (error instanceof ValueError) {
    // The mathematics does not know stages, so its messages do not name them, but a defense by the half of its name.
    const names = isPlugin ? [uses, `'${uses.split('/')[1]!}'`] : [''];
    return names.some((name) => failure.message.includes(name))
      ? failure
      : { ...failure, message: `${uses}: ${failure.message}` };
  }
  if (error instanceof Error && /^(Stage|Abort)Error$/.test(error.name)) return failure;
  const place = placeIn(failure.stack ?? '', root);
  if (place === null && !isPlugin) return failure;
  if (!(error instanceof Error)) {
    return {
      ...failure,
      message: `${uses} threw ${String(error)}, which is not an Error and has no place`,
      fix: 'throw an Error, or a StageError if the user can do something about it',
    };
  }
  return {
    ...failure,
    message: isPlugin
      ? `${uses} threw ${error.name}: ${error.message}`
      : `a plugin threw ${error.name}: ${error.message}`,
    ...(place !== null && failure.file === undefined && { file: place }),
    fix: 'correct the plugin: the log has the whole stack',
  };
}

/** The first line of the stack that lies in the project and is neither a package nor ravelin: `FILE:LINE`. */
function placeIn(stack: string, root: string): string | null {
  for (const [, url, line] of stack.matchAll(/(file:\/\/[^\s)]+?):(\d+):\d+/g)) {
    const path = fileURLToPath(url!.replace(/[?#].*$/, ''));
    const inside = relative(root, path);
    if (inside.startsWith('..') || inside.split(sep).includes('node_modules') || path.startsWith(own + sep))
      continue;
    return `${path}:${line!}`;
  }
  return null;
}
