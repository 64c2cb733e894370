import { crc32, deflateSync } from 'node:zlib';
import type { Tile } from './image-grid.ts';

/**
 * Writes a picture as a PNG of 8 bits a channel, grey or RGB, without loss for bytes; float32 is rounded to the nearest of 256 values, and NaN
 * is magenta. Its rows are filtered as RFC 2083, section 9.6 advises: each by the filter that leaves the least sum of absolute differences.
 * Equal pictures give equal bytes with the same version of Node.
 */
export function encodePng(tile: Tile): Uint8Array {
  const { height, width } = tile;
  const { bytes, channels } = pixelBytes(tile);
  const stride = width * channels;
  const filtered = Buffer.alloc((stride + 1) * height);
  for (let row = 0; row < height; row++) {
    const line = bytes.subarray(row * stride, (row + 1) * stride);
    const above = row === 0 ? new Uint8Array(stride) : bytes.subarray((row - 1) * stride, row * stride);
    filterRow(line, above, channels, filtered.subarray(row * (stride + 1), (row + 1) * (stride + 1)));
  }
  const header = Buffer.alloc(13);
  header.writeUInt32BE(width, 0);
  header.writeUInt32BE(height, 4);
  header.set([8, channels === 1 ? 0 : 2, 0, 0, 0], 8);
  return Buffer.concat([
    Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]),
    chunk('IHDR', header),
    chunk('IDAT', deflateSync(filtered, { level: 9 })),
    chunk('IEND', Buffer.alloc(0)),
  ]);
}

function chunk(type: string, data: Uint8Array): Buffer {
  const body = Buffer.concat([Buffer.from(type, 'latin1'), data]);
  const framed = Buffer.alloc(body.length + 8);
  framed.writeUInt32BE(data.length, 0);
  framed.set(body, 4);
  framed.writeUInt32BE(crc32(body), body.length + 4);
  return framed;
}

/** The pixels as bytes; in colour if a pixel is NaN, because that is magenta. */
function pixelBytes({ pixels, height, width, channels }: Tile): {
  readonly bytes: Uint8Array;
  readonly channels: 1 | 3;
} {
  if (pixels instanceof Uint8Array) return { bytes: pixels, channels: channels === 1 ? 1 : 3 };
  const rounded = Uint8Array.from(pixels, (value) => Math.round(Math.min(1, Math.max(0, value)) * 255));
  if (!pixels.some(Number.isNaN)) return { bytes: rounded, channels: channels === 1 ? 1 : 3 };
  const bytes = new Uint8Array(height * width * 3);
  for (let at = 0; at < height * width; at++) {
    const isLost = pixels.subarray(at * channels, (at + 1) * channels).some(Number.isNaN);
    for (let channel = 0; channel < 3; channel++) {
      const own = rounded[at * channels + Math.min(channel, channels - 1)]!;
      bytes[at * 3 + channel] = isLost ? (channel === 1 ? 0 : 255) : own;
    }
  }
  return { bytes, channels: 3 };
}

/** Writes a row behind the number of its filter. */
function filterRow(line: Uint8Array, above: Uint8Array, channels: number, into: Uint8Array): void {
  let least = Infinity;
  const candidate = new Uint8Array(line.length);
  for (let filter = 0; filter < 5; filter++) {
    let sum = 0;
    for (let at = 0; at < line.length; at++) {
      const left = at < channels ? 0 : line[at - channels]!;
      const corner = at < channels ? 0 : above[at - channels]!;
      candidate[at] = line[at]! - predicted(filter, left, above[at]!, corner);
      sum += Math.min(candidate[at]!, 256 - candidate[at]!);
    }
    if (sum >= least) continue;
    least = sum;
    into[0] = filter;
    into.set(candidate, 1);
  }
}

function predicted(filter: number, left: number, above: number, corner: number): number {
  if (filter < 3) return [0, left, above][filter]!;
  if (filter === 3) return (left + above) >> 1;
  const estimate = left + above - corner;
  const [toLeft, toAbove, toCorner] = [left, above, corner].map((value) => Math.abs(estimate - value));
  if (toLeft! <= toAbove! && toLeft! <= toCorner!) return left;
  return toAbove! <= toCorner! ? above : corner;
}
