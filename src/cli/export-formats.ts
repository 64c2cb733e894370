import type { Images } from '../values/images.ts';
import type { Value } from '../values/value.ts';

/** Formats in which a value can be written; the first contains all of it. */
export function extensionsOf(value: Value): readonly string[] {
  switch (value.kind) {
    case 'images':
      return ['safetensors', 'npz', 'png'];
    case 'predictions':
      return ['safetensors', 'npz', 'csv'];
    case 'model':
    case 'patches':
    case 'preparation':
      return ['safetensors'];
    case 'metrics':
      return ['json', 'csv'];
    case 'transform':
      return value.steps.some(({ patches }) => patches) ? ['safetensors'] : ['json'];
    case 'figure':
      return Object.keys(value.files);
  }
}

/** Bytes of the value in a format; undefined if it cannot be written in that format. */
export async function encodeAs(value: Value, extension: string): Promise<Uint8Array | undefined> {
  if (!extensionsOf(value).includes(extension)) return undefined;
  if (value.kind === 'figure') return value.files[extension];
  switch (extension) {
    case 'safetensors':
      return encodeTensors(value);
    case 'npz':
      return encodeNpz(value);
    case 'png':
      return value.kind === 'images' ? encodePng(value) : undefined;
    case 'json':
      return Buffer.from(`${JSON.stringify(value, null, 2)}\n`);
    case 'csv':
      return encodeCsv(value);
    default:
      return undefined;
  }
}

/**
 * The bytes of the cache, except that pixels are always float32 in [0, 1], which scripts in other languages
 * expect.
 */
async function encodeTensors(value: Value): Promise<Uint8Array> {
  const [{ encodeValue }, { toFloats }] = await Promise.all([
    import('../values/codec.ts'),
    import('../values/slices.ts'),
  ]);
  return encodeValue(value.kind === 'images' ? { ...value, pixels: toFloats(value.pixels) } : value);
}

/** NumPy's archive: one .npy file per tensor, stored in a zip (numpy.lib.format, version 1.0). */
async function encodeNpz(value: Value): Promise<Uint8Array> {
  const [{ zipSync }, { decodeSafetensors }] = await Promise.all([
    import('fflate'),
    import('../values/safetensors.ts'),
  ]);
  const { tensors } = decodeSafetensors(await encodeTensors(value));
  const files = Object.entries(tensors).map(([name, { dtype, shape, data }]): [string, Uint8Array] => {
    const type = { F32: '<f4', I32: '<i4', U8: '|u1' }[dtype];
    const extents = shape.length === 1 ? `${shape[0]!},` : shape.join(', ');
    const header = `{'descr': '${type}', 'fortran_order': False, 'shape': (${extents}), }`;
    // Magic, version and length take ten bytes, and the data must start at a multiple of 64.
    const padded = `${header.padEnd(Math.ceil((header.length + 11) / 64) * 64 - 11)}\n`;
    const length = Buffer.alloc(2);
    length.writeUInt16LE(padded.length);
    const magic = Buffer.from([0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59, 1, 0]);
    const bytes = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
    return [`${name}.npy`, Buffer.concat([magic, length, Buffer.from(padded, 'latin1'), bytes])];
  });
  // A zip has a time for each file; this one, which reads as local time, keeps equal archives equal.
  return zipSync(Object.fromEntries(files), { level: 0, mtime: new Date(1980, 0, 1) });
}

/** All images on an almost square sheet, row by row and one pixel apart. */
async function encodePng(images: Images): Promise<Uint8Array> {
  const { default: sharp } = await import('sharp');
  const { toFloats } = await import('../values/slices.ts');
  const [rows, height, width, channels] = images.shape;
  const across = Math.ceil(Math.sqrt(rows));
  const sheetWidth = across * (width + 1) - 1;
  const sheetHeight = Math.ceil(rows / across) * (height + 1) - 1;
  const pixels = toFloats(images.pixels);
  const sheet = Buffer.alloc(sheetWidth * sheetHeight * 3, 255);
  for (let image = 0; image < rows; image++) {
    const top = Math.floor(image / across) * (height + 1);
    const left = (image % across) * (width + 1);
    for (let y = 0; y < height; y++) {
      for (let x = 0; x < width; x++) {
        const from = ((image * height + y) * width + x) * channels;
        const to = ((top + y) * sheetWidth + left + x) * 3;
        for (let channel = 0; channel < 3; channel++) {
          sheet[to + channel] = Math.round(
            255 * Math.min(1, Math.max(0, pixels[from + Math.min(channel, channels - 1)]!)),
          );
        }
      }
    }
  }
  return sharp(sheet, { raw: { width: sheetWidth, height: sheetHeight, channels: 3 } })
    .png()
    .toBuffer();
}

async function encodeCsv(value: Value): Promise<Uint8Array | undefined> {
  const { toCsv } = await import('../report/csv.ts');
  if (value.kind === 'metrics') {
    const { rowsToCsv } = await import('../report/table.ts');
    return Buffer.from(rowsToCsv(value.rows));
  }
  if (value.kind !== 'predictions') return undefined;
  const [rows, classes] = value.shape;
  const names = Array.from({ length: classes }, (_, index) => value.classes[index] ?? `class ${index}`);
  const lines = Array.from({ length: rows }, (_, row) => [
    value.ids[row]!,
    value.labels[row]!,
    ...value.probabilities.subarray(row * classes, (row + 1) * classes),
  ]);
  return Buffer.from(toCsv([['id', 'label', ...names], ...lines]));
}
