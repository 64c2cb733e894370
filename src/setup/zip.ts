/**
 * Reads zip archives such as wheels: the list of entries, and single entries as streams. Zip64 and encryption
 * are not supported. Weight files have a reader of their own (models/weights/zip.ts): it works on bytes in
 * memory, needs zip64 and checksums but no compression, and a common part would be the twenty lines that
 * parse a directory.
 */
import { createReadStream } from 'node:fs';
import { open } from 'node:fs/promises';
import type { FileHandle } from 'node:fs/promises';
import { PassThrough } from 'node:stream';
import type { Readable } from 'node:stream';
import { createInflateRaw } from 'node:zlib';

export interface ZipEntry {
  readonly name: string;
  readonly size: number;
  readonly compressedSize: number;
  readonly method: number;
  readonly offset: number;
}

/** The file is not a zip archive, or of a kind that is not supported. */
export class ZipError extends Error {
  override readonly name = 'ZipError';
}

const endSignature = 0x06054b50;
const centralSignature = 0x02014b50;
const localSignature = 0x04034b50;
const endSize = 22;
const longestComment = 65_535;

/** Lists the entries in the order of the central directory. Throws `ZipError`. */
export async function listZip(path: string): Promise<readonly ZipEntry[]> {
  const file = await open(path, 'r');
  try {
    const { size } = await file.stat();
    const tail = await read(file, Math.max(size - endSize - longestComment, 0), Math.min(size, endSize + longestComment)); // prettier-ignore
    let end = tail.length - endSize;
    while (end >= 0 && tail.readUInt32LE(end) !== endSignature) end--;
    if (end < 0)
      throw new ZipError('it has no end-of-archive record, so it is truncated or not a zip archive');
    const count = tail.readUInt16LE(end + 10);
    const length = tail.readUInt32LE(end + 12);
    const start = tail.readUInt32LE(end + 16);
    if (count === 0xffff || length === 0xffffffff || start === 0xffffffff)
      throw new ZipError('it is a zip64 archive, which is not supported');
    return parseDirectory(await read(file, start, length), count);
  } finally {
    await file.close();
  }
}

function parseDirectory(directory: Buffer, count: number): ZipEntry[] {
  const entries: ZipEntry[] = [];
  let at = 0;
  for (let index = 0; index < count; index++) {
    if (at + 46 > directory.length || directory.readUInt32LE(at) !== centralSignature)
      throw new ZipError('its directory is damaged');
    const [nameLength, extraLength, commentLength] = [28, 30, 32].map((field) => directory.readUInt16LE(at + field)); // prettier-ignore
    entries.push({
      name: directory.toString('utf8', at + 46, at + 46 + nameLength!),
      method: directory.readUInt16LE(at + 10),
      compressedSize: directory.readUInt32LE(at + 20),
      size: directory.readUInt32LE(at + 24),
      offset: directory.readUInt32LE(at + 42),
    });
    at += 46 + nameLength! + extraLength! + commentLength!;
  }
  return entries;
}

/** Opens the content of an entry of `path`. Errors of the archive come as errors of the stream. */
export async function readZipEntry(path: string, entry: ZipEntry): Promise<Readable> {
  if (entry.method !== 0 && entry.method !== 8)
    throw new ZipError(`${entry.name} is compressed by an unsupported method (${entry.method})`);
  const file = await open(path, 'r');
  let header: Buffer;
  try {
    header = await read(file, entry.offset, 30);
  } finally {
    await file.close();
  }
  if (header.readUInt32LE(0) !== localSignature) throw new ZipError(`the header of ${entry.name} is damaged`);
  const start = entry.offset + 30 + header.readUInt16LE(26) + header.readUInt16LE(28);
  const target = entry.method === 8 ? createInflateRaw() : new PassThrough();
  if (entry.compressedSize === 0) {
    target.end();
    return target;
  }
  const packed = createReadStream(path, { start, end: start + entry.compressedSize - 1 });
  packed.on('error', (error) => target.destroy(error));
  return packed.pipe(target);
}

async function read(file: FileHandle, position: number, length: number): Promise<Buffer> {
  const buffer = Buffer.alloc(length);
  const { bytesRead } = await file.read(buffer, 0, length, position);
  if (bytesRead < length) throw new ZipError('it is truncated');
  return buffer;
}
