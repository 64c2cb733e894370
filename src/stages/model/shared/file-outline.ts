import { statSync } from 'node:fs';
import type { NetworkModel } from '../../../values/model.ts';
import type { Outline } from '../../../values/outline.ts';

/** Larger files are not read for an estimate: 100 MB take about half a second. */
const mostBytes = 2 ** 30;

/**
 * The outline of a stage that makes a model of files: `read` makes it. Null if they are too large or not there. Rejects if they hold no
 * network that is read, which is reported when the stage runs.
 */
export async function fileOutline(
  files: readonly string[],
  read: () => Promise<NetworkModel>,
): Promise<Outline | null> {
  const sizes = files.map((file) => statSync(file, { throwIfNoEntry: false })?.size ?? Infinity);
  if (sizes.reduce((sum, size) => sum + size, 0) > mostBytes) return null;
  const { modelOutline } = await import('./model-outline.ts');
  return modelOutline((await read()).network);
}
