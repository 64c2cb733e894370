import { closeSync, constants, fstatSync, openSync, readSync } from 'node:fs';

/** Reads a file that may still grow, a line at a time: its size does not matter, and neither does a line without an end. */
export interface LineReader {
  /** Yields the lines that have been completed since the last call. */
  readonly next: () => Generator<string>;
  /** The last line, which has no end yet. Nothing is yielded of it if it is too long. */
  readonly rest: () => string;
  readonly close: () => void;
}

const newline = 0x0a;
const chunkBytes = 1 << 20;
/** A longer line is left out. A text of twice this size cannot be made, and no event is nearly so long. */
const mostLineBytes = 1 << 27;

/** Opens a file that is read by lines. Throws the error of the file system, also if the path is not that of a file. */
export function openLines(path: string, mostBytes = mostLineBytes): LineReader {
  const file = openFile(path);
  const chunk = Buffer.alloc(chunkBytes);
  let parts: Buffer[] = [];
  let bytes = 0;
  const add = (part: Buffer): void => {
    bytes += part.length;
    if (bytes > mostBytes) parts = [];
    else parts.push(Buffer.from(part));
  };
  const text = (): string => (bytes > mostBytes ? '' : Buffer.concat(parts).toString('utf8'));
  return {
    *next() {
      for (let length = readSync(file, chunk); length > 0; length = readSync(file, chunk)) {
        let left = chunk.subarray(0, length);
        // The buffer is filled again only after all of its lines were taken.
        for (let end = left.indexOf(newline); end >= 0; end = left.indexOf(newline)) {
          add(left.subarray(0, end));
          const line = text();
          parts = [];
          bytes = 0;
          left = left.subarray(end + 1);
          yield line;
        }
        add(left);
      }
    },
    rest: text,
    close: () => closeSync(file),
  };
}

function openFile(path: string): number {
  // To open a named pipe would wait for a writer; with O_NONBLOCK it does not.
  const file = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  if (fstatSync(file).isFile()) return file;
  closeSync(file);
  throw Object.assign(new Error(`EISDIR: ${path} is not a file`), { code: 'EISDIR', syscall: 'open', path });
}
