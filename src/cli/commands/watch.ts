import { setTimeout as sleep } from 'node:timers/promises';
import { chooseRenderer, createRenderer } from '../../dashboard/create-renderer.ts';
import { onLoss } from '../../console/write.ts';
import { followLedger } from '../../runtime/run/follow-ledger.ts';
import { stateOfRun } from '../../runtime/run/run-state.ts';
import { findCacheFolder } from '../cache-folder.ts';
import { exitCodes, type ExitCode } from '../exit-codes.ts';
import { findRun } from '../find-run.ts';
import { complain, stdoutIsResult } from '../output.ts';
import { terminal } from '../terminal.ts';

const pollMs = 200;

/** Follows the ledger of a run as it grows, until the run has finished or its process has ended. */
export async function watch(
  id: string | undefined,
  options: { readonly ui: 'auto' | 'inline' | 'plain' | 'json'; readonly cache?: string },
): Promise<ExitCode> {
  const cacheFolder = findCacheFolder(options.cache);
  const info = findRun(cacheFolder, id);
  if (info.started !== null && stateOfRun(cacheFolder, info) === 'unknown')
    complain(
      `warning: run ${info.run} is on ${info.started.host}, and this machine cannot see whether it still runs; press Ctrl-C to leave`,
    );
  const io = terminal();
  if (options.ui === 'json') stdoutIsResult();
  const leaving = new AbortController();
  const leave = () => leaving.abort();
  process.on('SIGINT', leave);
  onLoss(options.ui === 'json' ? io.stdout : io.stderr, leave);
  const renderer = await createRenderer(options.ui === 'auto' ? chooseRenderer(io) : options.ui, {
    ...io,
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
