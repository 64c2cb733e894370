import { openData, readRange } from './files.ts';

/**
 * Whether a TIFF stores YCbCr without JPEG compression. libvips then takes luma and chroma for red, green and
 * blue, and says so nowhere. False for what is not a classic TIFF.
 */
export async function storesPlainYCbCr(file: string): Promise<boolean> {
  const { handle, length } = await openData(file);
  try {
    const read = async (start: number, count: number): Promise<DataView> =>
      new DataView(
        (await readRange(handle, file, start, Math.min(count, Math.max(0, length - start)))).buffer,
      );
    const head = await read(0, 8);
    if (head.byteLength < 8) return false;
    const little = head.getUint16(0) === 0x4949;
    if (head.getUint16(2, little) !== 42) return false;
    const directory = head.getUint32(4, little);
    const count = await read(directory, 2);
    if (count.byteLength < 2) return false;
    const entries = await read(directory + 2, 12 * count.getUint16(0, little));
    const tags = new Map<number, number>();
    for (let at = 0; at + 12 <= entries.byteLength; at += 12)
      tags.set(entries.getUint16(at, little), entries.getUint16(at + 8, little));
    return tags.get(photometricTag) === yCbCr && !jpegCompressions.has(tags.get(compressionTag) ?? 1);
  } finally {
    await handle.close();
  }
}

/** Numbers of TIFF 6.0. */
const compressionTag = 259;
const photometricTag = 262;
const yCbCr = 6;
const jpegCompressions: ReadonlySet<number> = new Set([6, 7]);
