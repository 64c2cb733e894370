import { closeSync, openSync, readSync, statSync } from 'node:fs';
import type { Task, TaskMessage } from '../../executor.ts';
import { messagesPath } from './batch.ts';

/** Reads so many of the tasks that run at a time: a look at a thousand files a second is no way to treat a file server. */
const mostFiles = 64;

/** Reads what the tasks of a batch have said since the last time: progress, metrics, warnings and logs, without their ends. */
export function createMessageReader(folder: string): {
  readonly read: (
    open: ReadonlySet<number>,
    hear: (index: number, key: string | null, message: TaskMessage) => void,
    groups: readonly (readonly Task[])[],
  ) => void;
} {
  const offsets = new Map<number, number>();
  return {
    read(open, hear, groups) {
      let files = 0;
      for (const index of open) {
        if (files >= mostFiles) return;
        const from = offsets.get(index) ?? 0;
        const text = readFrom(messagesPath(folder, index), from);
        if (text === null) continue;
        files++;
        // A line that is still being written is read the next time.
        const end = text.lastIndexOf('\n') + 1;
        offsets.set(index, from + Buffer.byteLength(text.slice(0, end)));
        for (const line of text.slice(0, end).split('\n')) {
          if (line === '') continue;
          const message = JSON.parse(line) as TaskMessage;
          hear(index, groups[index]!.find(({ id }) => id === message.id)?.key ?? null, message);
        }
      }
    },
  };
}

function readFrom(path: string, from: number): string | null {
  const size = statSync(path, { throwIfNoEntry: false })?.size;
  if (size === undefined) return null;
  if (size <= from) return '';
  const file = openSync(path, 'r');
  try {
    const bytes = Buffer.alloc(size - from);
    return bytes.toString('utf8', 0, readSync(file, bytes, 0, bytes.length, from));
  } finally {
    closeSync(file);
  }
}
