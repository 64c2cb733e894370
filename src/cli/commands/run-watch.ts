import { statSync, watch } from 'node:fs';
import { dirname, relative, resolve } from 'node:path';
import type { ExitCode } from '../exit-codes.ts';
import { complain } from '../output.ts';
import { openPipeline, type PipelineOptions } from '../pipeline.ts';
import { reportError } from '../report-error.ts';
import { planPipeline } from './plan.ts';
import { counted } from '../../values/counted.ts';

/** Time to wait after a change, because editors write a file in several steps. */
const quietMs = 200;

/**
 * Runs, waits until the pipeline, an include or a file that a stage reads has changed, and runs again. Only
 * what changed is computed; a run without work takes a fifth of a second. Errors in the pipeline are shown,
 * and it waits until they are corrected. Ctrl-C ends it.
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
    // Files that changed during the run count too.
    for (const path of files) if (!before.has(path)) before.set(path, stamp(path));
    complain(`watching ${counted(files.length, 'file')}; press Ctrl-C to stop`);
    const changed = await firstChange(before);
    complain(`\nchanged: ${relative(process.cwd(), changed)}`);
  }
}

/** The pipeline, its includes, and the files that its stages declare to read. */
async function filesOf(file: string, options: PipelineOptions): Promise<readonly string[]> {
  const pipeline = await openPipeline(file, options);
  const planned = await planPipeline(pipeline, [], {});
  const files = new Set(pipeline.sources);
  for (const cell of planned.cells) {
    for (const path of cell?.survey?.files(0, cell.survey.images ?? 0) ?? []) files.add(path);
  }
  return [...files];
}

/** Resolves to the first file whose time or size has changed. */
function firstChange(before: ReadonlyMap<string, string>): Promise<string> {
  const changed = (): string | undefined => [...before].find(([path, was]) => stamp(path) !== was)?.[0];
  return new Promise((done) => {
    // This watches folders, because an editor replaces a file by another of the same name.
    const folders = new Set([...before.keys()].map((path) => dirname(path)));
    const look = (): void => {
      const path = changed();
      if (path === undefined) return;
      clearInterval(poll);
      watchers.forEach((watcher) => watcher.close());
      setTimeout(() => done(path), quietMs);
    };
    const watchers = [...folders].flatMap((folder) => {
      try {
        return [watch(folder, look).on('error', () => undefined)];
      } catch {
        // The folder cannot be watched (too many folders, a network file system); the poll below notices
        // changes a little later.
        return [];
      }
    });
    const poll = setInterval(look, 2_000);
    look();
  });
}

/** A file that may not be looked at, or lies below another file, counts as absent until that changes. */
function stamp(path: string): string {
  try {
    const { mtimeMs, size } = statSync(path);
    return `${mtimeMs} ${size}`;
  } catch {
    return 'absent';
  }
}
