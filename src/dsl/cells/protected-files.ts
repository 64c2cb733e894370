import { dirname, resolve } from 'node:path';
import { isInside, type LoadContext } from '../document/load-context.ts';
import type { PublishedFiles } from './publish.ts';

/**
 * Refuses to publish over what the pipeline is made from: its files, the modules of its plugins, and the files and
 * folders that its stages read. It is called when all of them are known.
 */
export function protectSources(
  published: PublishedFiles,
  plugins: readonly string[],
  context: LoadContext,
): void {
  const { sink, sources, reads, file } = context;
  const folder = dirname(file);
  const own = new Set([
    ...[...sources.values()].map(({ absolute }) => normal(absolute)),
    ...plugins.filter((name) => name.startsWith('.')).map((name) => normal(resolve(folder, name))),
  ]);
  // A folder that has the pipeline in it, such as '.', also has its results.
  const read = new Map(
    [...reads].filter((path) => !isInside(path, file)).map((path) => [normal(path), path] as const),
  );
  const refuse = (target: string, why: string): void => {
    const { at, path } = published.get(target)!;
    sink.error('bad-publish', at, `'${path}' cannot be published: ${why}`, {
      same: why,
      fix: 'publish into a folder for results, such as results/',
    });
  };
  for (const target of published.keys()) {
    if (own.has(normal(target))) refuse(target, 'the pipeline is made from this file');
    else if (isBelow(target, read)) refuse(target, 'a stage reads it, so it would change its own input');
  }
}

/** Whether a path or one of the folders above it is among `paths`. */
function isBelow(path: string, paths: ReadonlyMap<string, string>): boolean {
  if (paths.size === 0) return false;
  for (let folder = path; ; folder = dirname(folder)) {
    if (paths.has(normal(folder))) return true;
    if (dirname(folder) === folder) return false;
  }
}

/** Some file systems know neither case nor forms of Unicode. */
function normal(path: string): string {
  return path.normalize('NFKC').toLowerCase();
}
