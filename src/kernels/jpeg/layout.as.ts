// The memory of the JPEG round trip: images, planes of one image, quanta.

export let height: i32 = 0;
export let width: i32 = 0;
export let channels: i32 = 0;
/** Whether chroma is halved in both directions. */
export let halved: bool = false;
/** Sides of a plane of chroma. */
export let chromaHeight: i32 = 0;
export let chromaWidth: i32 = 0;

/** Bytes of the images before and after. */
export let source: usize = 0;
export let target: usize = 0;
/** Pixels of the images in float32, if they come so. */
export let floats: usize = 0;

/**
 * Planes of one image, of signed bytes: samples less 128. A row ends with columns that fill its last block,
 * and 16 more, so that vectors may read beyond it.
 */
export let luma: usize = 0;
export let blue: usize = 0;
export let red: usize = 0;
export let lumaStride: usize = 0;
export let chromaStride: usize = 0;

/** Bytes of one table: 64 reciprocals in float32, then 64 quanta in int16. */
const tableBytes: usize = 384;
export const reciprocals: usize = 0;
export const quanta: usize = 256;
const tables = memory.data(2 * 384, 16);

/** Number of bytes beyond the last image that vectors may read and write. */
const slack: u64 = 64;

/**
 * Makes room for `count` images of one size. Returns the address of the bytes to be changed, or 0 if there is
 * not enough memory.
 */
export function reserve(count: i32, rows: i32, columns: i32, values: i32, halve: bool): usize {
  height = rows;
  width = columns;
  channels = values;
  halved = halve && values == 3;
  chromaHeight = halved ? (rows + 1) >> 1 : rows;
  chromaWidth = halved ? (columns + 1) >> 1 : columns;
  lumaStride = strideOf(columns);
  chromaStride = strideOf(chromaWidth);
  const bytes = (<u64>count * rows * columns * values + slack + 15) & ~15;
  const lumaBytes = ((<u64>blocksOf(rows)) << 3) * lumaStride;
  const chromaBytes = values == 3 ? ((<u64>blocksOf(chromaHeight)) << 3) * chromaStride : 0;
  const first = (<u64>__heap_base + 15) & ~15;
  const end = first + lumaBytes + 2 * chromaBytes + 6 * bytes;
  if (end >= <u64>u32.MAX_VALUE) return 0;
  const pages = <i32>((end + 0xffff) >> 16) - memory.size();
  if (pages > 0 && memory.grow(pages) < 0) return 0;
  luma = <usize>first;
  blue = luma + <usize>lumaBytes;
  red = blue + <usize>chromaBytes;
  source = red + <usize>chromaBytes;
  target = source + <usize>bytes;
  floats = target + <usize>bytes;
  return source;
}

function strideOf(columns: i32): usize {
  return ((<usize>columns + 15) & ~15) + 16;
}

/** The number of blocks of eight that hold a number of samples. */
export function blocksOf(samples: i32): usize {
  return (<usize>samples + 7) >> 3;
}

/** Address of the table for luma (0) or chroma (1). */
export function tableAt(table: i32): usize {
  return tables + <usize>table * tableBytes;
}
