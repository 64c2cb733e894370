/** What a TIFF says of its samples, as far as the tests vary it. */
export interface TiffKind {
  /** 1 black is zero, 2 RGB, 5 CMYK, 6 YCbCr. */
  readonly photometric: number;
  readonly channels: number;
  readonly bits: number;
  /** 1 unsigned integer, 2 signed integer, 3 floating point. */
  readonly format?: number;
  /** Channels beyond those of the colour space, none of them alpha. */
  readonly extra?: number;
}

/** A little-endian TIFF of one uncompressed strip (TIFF 6.0), whose samples are `data`. */
export function tiff(
  data: Uint8Array,
  width: number,
  height: number,
  { photometric, channels, bits, format = 1, extra = 0 }: TiffKind,
): Buffer {
  const short = 3;
  const long = 4;
  const perChannel = (value: number): number[] => Array.from({ length: channels }, () => value);
  const tags: readonly (readonly [tag: number, type: number, values: readonly number[]])[] = [
    [256, long, [width]],
    [257, long, [height]],
    [258, short, perChannel(bits)],
    [259, short, [1]],
    [262, short, [photometric]],
    [273, long, [8]],
    [277, short, [channels]],
    [278, long, [height]],
    [279, long, [data.length]],
    [284, short, [1]],
    ...(extra === 0 ? [] : [[338, short, Array.from({ length: extra }, () => 0)] as const]),
    [339, short, perChannel(format)],
  ];
  const directory = 8 + data.length + (data.length % 2);
  const bytes = Buffer.alloc(directory + 2 + 12 * tags.length + 4 + 16 * tags.length);
  bytes.write('II*\0', 'latin1');
  bytes.writeUInt32LE(directory, 4);
  bytes.set(data, 8);
  bytes.writeUInt16LE(tags.length, directory);
  let spill = directory + 2 + 12 * tags.length + 4;
  for (const [index, [tag, type, values]] of tags.entries()) {
    const at = directory + 2 + 12 * index;
    bytes.writeUInt16LE(tag, at);
    bytes.writeUInt16LE(type, at + 2);
    bytes.writeUInt32LE(values.length, at + 4);
    const size = type === short ? 2 : 4;
    let to = at + 8;
    if (size * values.length > 4) {
      bytes.writeUInt32LE(spill, to);
      to = spill;
      spill += size * values.length;
    }
    for (const [place, value] of values.entries()) bytes.writeUIntLE(value, to + size * place, size);
  }
  return bytes;
}
