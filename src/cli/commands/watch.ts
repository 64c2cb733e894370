import { setTimeout as sleep } from 'node:timers/promises';
import { chooseRenderer, createRenderer } from '../../dashboard/create-renderer.ts';
import { onLoss } from '../../console/write.ts';
import { followLedger } from '../../runtime/run/follow-ledger.ts';
import { stateOfRun } from '../../runtime/run/run-state.ts';
import { findCacheFolder } from '../cache-folder.ts';
import type { RendererKind } from '../../dashboard/renderer.ts';
import type { RunInfo } from '../../runtime/run/read-ledger.ts';
import { logsOfRun } from '../cell-logs.ts';
import { picturesOfCache } from '../cell-pictures.ts';
import { openStore } from '../../runtime/store/store.ts';
import { exitCodes, type ExitCode, UsageError } from '../exit-codes.ts';
import type { ScreenDetails } from '../run-screen.ts';
import { findRun } from '../find-run.ts';
import { complain, stdoutIsResult } from '../output.ts';
import { terminal } from '../terminal.ts';

const pollMs = 200;

export interface WatchOptions {
  readonly ui: 'auto' | 'inline' | 'full' | 'plain' | 'json';
  readonly cache?: string;
}

/**
 * Follows the ledger of a run as it grows, until the run has finished or its process has ended. On a terminal, a run that has finished is
 * shown as by `browse`.
 */
export async function watch(id: string | undefined, options: WatchOptions): Promise<ExitCode> {
  const cacheFolder = findCacheFolder(options.cache);
  const info = findRun(cacheFolder, id);
  const io = terminal();
  const { ui } = options;
  if (ui === 'json') stdoutIsResult();
  const chosen = ui === 'auto' ? chooseRenderer(io) : ui;
  const isPast = ui === 'auto' && chosen === 'inline' && info.finished !== null;
  return follow(cacheFolder, info, isPast || chosen === 'full' ? 'recorded' : chosen);
}

/** Shows a run on the whole screen, with all of its past. It stays until `q`. */
export async function browse(
  id: string | undefined,
  options: Pick<WatchOptions, 'cache'>,
): Promise<ExitCode> {
  const cacheFolder = findCacheFolder(options.cache);
  const info = findRun(cacheFolder, id);
  if (chooseRenderer(terminal()) === 'plain')
    throw new UsageError(
      'browse needs a terminal that it can draw on',
      `print the run with 'ravelin watch ${info.run} --ui plain'`,
    );
  return follow(cacheFolder, info, 'recorded');
}

async function follow(
  cacheFolder: string,
  info: RunInfo,
  kind: 'inline' | 'recorded' | 'plain' | 'json' | 'quiet' | 'full',
): Promise<ExitCode> {
  if (info.started !== null && stateOfRun(cacheFolder, info) === 'unknown')
    complain(
      `warning: run ${info.run} is on ${info.started.host}, and this machine cannot see whether it still runs; press Ctrl-C to leave`,
    );
  const io = terminal();
  const leaving = new AbortController();
  const leave = () => leaving.abort();
  process.on('SIGINT', leave);
  onLoss(kind === 'json' ? io.stdout : io.stderr, leave);
  const renderer = await createRenderer(kind, {
    ...io,
    ...(await detailsOf(cacheFolder, info, kind)),
    onInterrupt: leave,
    onQuit: leave,
  });
  let end;
  try {
    end = await followLedger({
      info,
      onEvent: (event) => renderer.onEvent(event),
      pause: () => sleep(pollMs),
      signal: leaving.signal,
    });
  } finally {
    process.off('SIGINT', leave);
    await renderer.finish();
  }
  if (end === 'ended')
    complain(`run ${info.run} was killed; run the pipeline again to go on where it stopped`);
  if (end === 'no-beginning')
    complain(
      `the ledger of run ${info.run} has no beginning, and nothing is added to it; the run was killed`,
    );
  return exitCodes.ok;
}

/** Finds all that a screen shows of a run beside its events. The times of earlier runs are needed only while it goes on. */
async function detailsOf(cacheFolder: string, info: RunInfo, kind: RendererKind): Promise<ScreenDetails> {
  const logOf = logsOfRun(cacheFolder, info.run);
  const picturesOf = picturesOfCache(openStore(cacheFolder));
  if (kind === 'json' || info.started === null) return { logOf, picturesOf };
  const { priorOfCache } = await import('../measured-units.ts');
  return { logOf, picturesOf, prior: priorOfCache(cacheFolder, info.started.backend) };
}
