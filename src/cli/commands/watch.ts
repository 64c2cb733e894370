import { closeSync, openSync, readSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { chooseRenderer, createRenderer } from '../../dashboard/create-renderer.ts';
import { onLoss } from '../../console/write.ts';
import { parseEvents } from '../../runtime/run/ledger.ts';
import { findCacheFolder } from '../cache-folder.ts';
import { exitCodes, type ExitCode } from '../exit-codes.ts';
import { isAlive } from '../../runtime/store/process-identity.ts';
import { findRun } from '../find-run.ts';
import { stdoutIsResult } from '../output.ts';
import { terminal } from '../terminal.ts';

const pollMs = 200;

/** Follows the ledger of a run as it grows, until the run has finished or its process has ended. */
export async function watch(
  id: string | undefined,
  options: { readonly ui: 'auto' | 'inline' | 'plain' | 'json'; readonly cache?: string },
): Promise<ExitCode> {
  const info = findRun(findCacheFolder(options.cache), id);
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
  const lines = openLines(`${info.folder}/events.jsonl`);
  let finished = false;
  try {
    while (!leaving.signal.aborted && !finished) {
      const alive = info.started === null || isAlive(info.started.pid);
      const events = parseEvents(lines.next());
      for (const event of events) {
        renderer.onEvent(event);
        finished ||= event.type === 'run-finished';
      }
      if (!alive && events.length === 0) break;
      if (!finished) await sleep(pollMs);
    }
  } finally {
    lines.close();
    process.off('SIGINT', leave);
    await renderer.finish();
  }
  return exitCodes.ok;
}

/** Reads the complete lines that were appended since the last call of `next`. */
function openLines(path: string): { readonly next: () => string; readonly close: () => void } {
  const file = openSync(path, 'r');
  const buffer = Buffer.alloc(1 << 20);
  let rest = Buffer.alloc(0);
  return {
    next() {
      const chunks = [rest];
      for (let length = readSync(file, buffer); length > 0; length = readSync(file, buffer)) {
        chunks.push(Buffer.from(buffer.subarray(0, length)));
      }
      const bytes = Buffer.concat(chunks);
      const end = bytes.lastIndexOf(0x0a) + 1;
      rest = Buffer.from(bytes.subarray(end));
      return bytes.toString('utf8', 0, end);
    },
    close: () => closeSync(file),
  };
}
