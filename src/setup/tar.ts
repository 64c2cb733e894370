/** Reads the tar archives that npm makes, from memory. */

export interface TarEntry {
  readonly name: string;
  readonly bytes: Uint8Array;
}

const blockSize = 512;

/**
 * The regular files of an archive (ustar, with pax headers for long names). Throws a RangeError if it is cut off or a header is
 * damaged.
 */
export function readTar(archive: Uint8Array): readonly TarEntry[] {
  const entries: TarEntry[] = [];
  let longName: string | null = null;
  for (let at = 0; at + blockSize <= archive.length && archive[at] !== 0;) {
    const header = archive.subarray(at, at + blockSize);
    checkSum(header);
    const size = octal(header, 124, 12);
    const first = at + blockSize;
    if (first + size > archive.length) throw new RangeError('the tar archive is cut off');
    const bytes = archive.subarray(first, first + size);
    const type = text(header, 156, 1);
    if (type === 'x') longName = paxPath(bytes) ?? longName;
    else {
      const prefix = text(header, 345, 155);
      const name = longName ?? `${prefix === '' ? '' : `${prefix}/`}${text(header, 0, 100)}`;
      if (type === '0' || type === '') entries.push({ name, bytes });
      longName = null;
    }
    at = first + Math.ceil(size / blockSize) * blockSize;
  }
  return entries;
}

/** The sum of the bytes of a header, in which that of the sum itself counts as blanks. */
function checkSum(header: Uint8Array): void {
  const sum = header.reduce((total, byte, index) => total + (index >= 148 && index < 156 ? 32 : byte), 0);
  if (sum !== octal(header, 148, 8)) throw new RangeError('a header of the tar archive is damaged');
}

/** The path in the records `LENGTH KEY=VALUE\n` of a pax header. */
function paxPath(bytes: Uint8Array): string | null {
  return /(?:^|\n)\d+ path=([^\n]*)\n/.exec(Buffer.from(bytes).toString('utf8'))?.[1] ?? null;
}

function octal(header: Uint8Array, at: number, length: number): number {
  const value = parseInt(text(header, at, length).trim() || '0', 8);
  if (!Number.isSafeInteger(value)) throw new RangeError('a header of the tar archive is damaged');
  return value;
}

function text(header: Uint8Array, at: number, length: number): string {
  const field = header.subarray(at, at + length);
  const end = field.indexOf(0);
  return Buffer.from(end < 0 ? field : field.subarray(0, end)).toString('utf8');
}
