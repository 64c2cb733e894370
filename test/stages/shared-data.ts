import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

/** Real data beside the checkout: photographs, CIFAR-10 and trained networks. Absent outside the place of development. */
const folder = fileURLToPath(new URL('../../../shared/data', import.meta.url));

/** Absolute path of a file there, or null, said on stderr, where it is absent. */
export function sharedData(path: string): string | null {
  const file = `${folder}/${path}`;
  if (existsSync(file)) return file;
  process.stderr.write(`SKIPPED: tests on real data, for ${file} does not exist\n`);
  return null;
}
