import sharp, { type Metadata } from 'sharp';
import { StageError } from '../../../runtime/stage.ts';
import { openData, readRange } from './files.ts';
import { type Bitmap, centerCrop, resizeBilinear, resizedShape } from './resample.ts';

export interface DecodeOptions {
  readonly resize?: number;
  readonly crop?: number;
  readonly channels: 'rgb' | 'grey';
  readonly convert: boolean;
  readonly signal: AbortSignal;
  readonly onProgress: (done: number) => void;
}

/** Most pixels of one file: 96 MiB once decoded. A PNG of a few kilobytes may announce gigabytes. */
const mostPixels = 2 ** 25;

/**
 * First bytes of the formats that are read. sharp goes by the content and not by the name, and also reads
 * SVG, which may refer to other files.
 */
const signatures = [/^\x89PNG/, /^\xff\xd8/, /^RIFF....WEBP/s, /^GIF8/, /^II\*\0/, /^MM\0\*/, /^....ftyp/s];

/** Number of files decoded at a time: sharp decodes on the four threads of libuv, not on the main thread. */
const concurrency = 4;

/** Decodes image files and prepares them to one size. Throws a `StageError` that names the file. */
export async function decodeImages(
  files: readonly string[],
  options: DecodeOptions,
): Promise<{ pixels: Uint8Array; shape: [rows: number, height: number, width: number, channels: number] }> {
  const bitmaps: Bitmap[] = [];
  for (let first = 0; first < files.length; first += concurrency) {
    options.signal.throwIfAborted();
    const batch = files.slice(first, first + concurrency);
    bitmaps.push(...(await Promise.all(batch.map((file) => decodeImage(file, options)))));
    options.onProgress(bitmaps.length);
  }
  const head = bitmaps[0]!;
  const size = head.data.length;
  const pixels = new Uint8Array(files.length * size);
  for (const [index, bitmap] of bitmaps.entries()) {
    if (bitmap.height !== head.height || bitmap.width !== head.width) {
      throw new StageError(
        `${files[index]!} is ${bitmap.width}×${bitmap.height}, but ${files[0]!} is ${head.width}×${head.height}`,
        {
          code: 'bad-data',
          file: files[index]!,
          fix: 'set resize and crop, so that all images have one size',
        },
      );
    }
    pixels.set(bitmap.data, index * size);
  }
  return { pixels, shape: [files.length, head.height, head.width, head.channels] };
}

async function decodeImage(file: string, options: DecodeOptions): Promise<Bitmap> {
  let image: Bitmap;
  try {
    image = await readBitmap(file, options);
  } catch (error) {
    if (error instanceof StageError) throw error;
    // sharp's messages may have several lines; the first says what is wrong.
    const reason = (error instanceof Error ? error.message : String(error)).split('\n')[0]!;
    throw new StageError(`${file} cannot be decoded: ${reason}`, {
      code: 'bad-data',
      file,
      fix: 'the file is damaged or not an image: replace it or remove it',
      cause: error,
    });
  }
  const { resize, crop } = options;
  if (resize !== undefined) image = resizeBilinear(image, ...resizedShape(image.height, image.width, resize));
  if (crop === undefined) return image;
  if (crop > Math.min(image.height, image.width)) {
    throw new StageError(`${file} is ${image.width}×${image.height}: too small for a crop of ${crop}`, {
      code: 'bad-data',
      file,
      fix: `set resize: ${crop} or more, or a smaller crop`,
    });
  }
  return centerCrop(image, crop);
}

async function readBitmap(file: string, { channels, convert }: DecodeOptions): Promise<Bitmap> {
  const start = await readStart(file);
  if (!signatures.some((signature) => signature.test(start)))
    throw new Error('it does not begin like a PNG, JPEG, WebP, GIF, TIFF or HEIF file');
  // 'error' refuses truncated files, but not the harmless warnings (odd metadata) that Pillow passes over
  // too. Colour profiles are ignored, as Pillow and so torchvision ignore them: networks were trained on the
  // stored numbers.
  const source = sharp(file, { failOn: 'error', ignoreIcc: true, limitInputPixels: mostPixels });
  const metadata = await source.metadata();
  const problem = kindProblem(metadata, channels);
  if (problem !== null && !convert) {
    throw new StageError(`${file} ${problem}, but ${channels === 'rgb' ? 'RGB' : 'grey'} is needed`, {
      code: 'bad-data',
      file,
      fix: `convert the file, or set convert: true${channels === 'rgb' && metadata.channels === 1 ? ', or channels: grey' : ''}`,
    });
  }
  const { data, info } = await source
    .removeAlpha()
    .toColourspace('srgb')
    .raw()
    .toBuffer({ resolveWithObject: true });
  return toChannels({ data, height: info.height, width: info.width, channels: info.channels }, channels);
}

/** The first twelve bytes, or fewer if the file is shorter, as Latin-1. */
async function readStart(file: string): Promise<string> {
  const { handle, length } = await openData(file);
  try {
    return Buffer.from(await readRange(handle, file, 0, Math.min(12, length))).toString('latin1');
  } finally {
    await handle.close();
  }
}

function kindProblem(metadata: Metadata, channels: 'rgb' | 'grey'): string | null {
  if (metadata.depth === 'ushort') return 'has 16 bits a channel';
  if (metadata.hasAlpha) return 'has an alpha channel';
  if (metadata.space === 'cmyk') return 'is CMYK';
  const grey = metadata.channels === 1;
  if (channels === 'rgb' && grey) return 'is a grey image (1 channel)';
  if (channels === 'grey' && !grey) return `is a colour image (${metadata.channels} channels)`;
  return null;
}

/** Repeats grey to three channels; turns colour into luma with Pillow's integer formula (ITU-R 601-2). */
function toChannels(image: Bitmap, wanted: 'rgb' | 'grey'): Bitmap {
  const { data, height, width, channels } = image;
  if (channels === (wanted === 'rgb' ? 3 : 1)) return image;
  const pixels = height * width;
  if (wanted === 'rgb') {
    const repeated = new Uint8Array(pixels * 3);
    for (let index = 0; index < pixels; index++)
      repeated.fill(data[index * channels]!, 3 * index, 3 * index + 3);
    return { data: repeated, height, width, channels: 3 };
  }
  const luma = new Uint8Array(pixels);
  for (let index = 0; index < pixels; index++) {
    const at = index * channels;
    luma[index] = (data[at]! * 19_595 + data[at + 1]! * 38_470 + data[at + 2]! * 7_471 + 0x8000) >> 16;
  }
  return { data: luma, height, width, channels: 1 };
}
