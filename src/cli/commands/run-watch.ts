import { statSync, watch } from 'node:fs';
import { dirname, relative, resolve } from 'node:path';
import type { ExitCode } from '../exit-codes.ts';
import { complain } from '../output.ts';
import { openPipeline, type PipelineOptions } from '../pipeline.ts';
import { reportError } from '../report-error.ts';
import { planPipeline } from './plan.ts';

/** Editors write a file in several steps. */
const settleMs = 200;

/**
 * Runs, waits until the pipeline, an include or a file that a stage reads has changed, and runs again; a run without work costs a fifth
 * of a second, so what did not change is not computed. Mistakes in the pipeline are shown, and waited for to be mended. Ends with Ctrl-C.
 */
export async function runAndWatch(
  file: string,
  options: PipelineOptions,
  run: () => Promise<ExitCode>,
): Promise<ExitCode> {
  let files: readonly string[] = [resolve(file)];
  for (;;) {
    const before = new Map(files.map((path) => [path, stamp(path)]));
    let code: ExitCode;
    try {
      code = await run();
      files = await filesOf(file, options);
    } catch (error) {
      code = await reportError(error);
    }
    if (code >= 128) return code;
    // What changed while it ran counts too.
    for (const path of files) if (!before.has(path)) before.set(path, stamp(path));
    complain(`watching ${files.length} ${files.length === 1 ? 'file' : 'files'}; Ctrl-C ends it`);
    const changed = await firstChange(before);
    complain(`\nchanged: ${relative(process.cwd(), changed)}`);
  }
}

/** The pipeline, its includes, and what its stages say that they read. */
async function filesOf(file: string, options: PipelineOptions): Promise<readonly string[]> {
  const pipeline = await openPipeline(file, options);
  const planned = await planPipeline(pipeline, [], {});
  const files = new Set(pipeline.sources);
  for (const cell of planned.cells) {
    for (const path of cell?.survey?.files(0, cell.survey.images ?? 0) ?? []) files.add(path);
  }
  return [...files];
}

/** Resolves to the first of the files whose time or size is another one. */
function firstChange(before: ReadonlyMap<string, string>): Promise<string> {
  const changed = (): string | undefined => [...before].find(([path, was]) => stamp(path) !== was)?.[0];
  return new Promise((done) => {
    // Folders, because an editor replaces a file by another of the same name.
    const folders = new Set([...before.keys()].map((path) => dirname(path)));
    const look = (): void => {
      const path = changed();
      if (path === undefined) return;
      clearInterval(poll);
      watchers.forEach((watcher) => watcher.close());
      setTimeout(() => done(path), settleMs);
    };
    const watchers = [...folders].flatMap((folder) => {
      try {
        return [watch(folder, look).on('error', () => undefined)];
      } catch {
        // No watching there (too many folders, a network file system): the poll below sees it a little later.
        return [];
      }
    });
    const poll = setInterval(look, 2_000);
    look();
  });
}

function stamp(path: string): string {
  const stat = statSync(path, { throwIfNoEntry: false });
  return stat === undefined ? 'absent' : `${stat.mtimeMs} ${stat.size}`;
}
