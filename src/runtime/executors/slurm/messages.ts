import { closeSync, openSync, readSync, statSync } from 'node:fs';
import type { TaskMessage } from '../../executor.ts';
import { readTaskMessage } from '../task/read-message.ts';
import { messagesPath, parseJson } from './batch.ts';
import type { OpenJob } from './job-table.ts';

/**
 * Number of files of a job that are read at a time: a thousand files at each look would burden a file server.
 */
const mostFiles = 64;

/**
 * Reads what array tasks have reported since the last time: progress, metrics,
 * warnings and logs, but not their ends.
 */
export class MessageReader {
  /** Bytes that have been read of each file. */
  readonly #offsets = new Map<string, number>();

  /** Passes each new message on, with the index of its array task and the key of its unit. */
  read(
    { folder, groups, open }: OpenJob,
    receive: (key: string, message: TaskMessage, index: number) => void,
  ): void {
    let files = 0;
    for (const index of open) {
      if (files >= mostFiles) return;
      const path = messagesPath(folder, index);
      const from = this.#offsets.get(path) ?? 0;
      const text = readFrom(path, from);
      if (text === null) continue;
      files++;
      // A line that is still being written is read the next time.
      const end = text.lastIndexOf('\n') + 1;
      this.#offsets.set(path, from + Buffer.byteLength(text.slice(0, end)));
      for (const line of text.slice(0, end).split('\n')) {
        if (line === '') continue;
        const message = readTaskMessage(parseJson(line));
        const unit = groups[index]!.find(({ id }) => id === message?.id);
        if (unit !== undefined && message !== null) receive(unit.key, message, index);
      }
    }
  }
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
