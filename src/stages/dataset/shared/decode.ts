import sharp from 'sharp';
import { StageError } from '../../../runtime/stage.ts';
import { cmykToRgb, toChannels } from './channels.ts';
import { openData, readRange } from './files.ts';
import { unlikeWanted, unreadableKind } from './image-kind.ts';
import { storesPlainYCbCr } from './tiff-colours.ts';
import { type Bitmap, centerCrop, resizeBilinear, resizedShape } from './resample.ts';

export interface DecodeOptions {
  readonly resize?: number;
  readonly crop?: number;
  readonly channels: 'rgb' | 'grey';
  readonly convert: boolean;
  readonly signal: AbortSignal;
  readonly onProgress: (done: number) => void;
}

/** Most pixels of one image: 96 MiB once decoded. A PNG of a few kilobytes may announce gigabytes. */
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
    requireSameSize({ file: files[0]!, ...head }, { file: files[index]!, ...bitmap });
    pixels.set(bitmap.data, index * size);
  }
  return { pixels, shape: [files.length, head.height, head.width, head.channels] };
}

/**
 * Throws a `StageError` if the images in these files will not have one size, by what the files say of it. A shard compares its
 * first image so with the first one of the dataset, which is in another shard.
 */
export async function requireSizeOf(
  first: string,
  file: string,
  { resize, crop }: Pick<DecodeOptions, 'resize' | 'crop'>,
): Promise<void> {
  if (crop !== undefined) return;
  const sizeOf = async (path: string): Promise<SizedFile | null> => {
    try {
      const { height, width } = await sharp(path).metadata();
      const shape = resize === undefined ? [height, width] : resizedShape(height, width, resize);
      return { file: path, height: shape[0]!, width: shape[1]! };
    } catch {
      // Whoever decodes it says what is wrong.
      return null;
    }
  };
  const [one, other] = await Promise.all([sizeOf(first), sizeOf(file)]);
  if (one !== null && other !== null) requireSameSize(one, other);
}

interface SizedFile {
  readonly file: string;
  readonly height: number;
  readonly width: number;
}

function requireSameSize(first: SizedFile, other: SizedFile): void {
  if (other.height === first.height && other.width === first.width) return;
  throw new StageError(
    `${other.file} is ${other.width}×${other.height}, but ${first.file} is ${first.width}×${first.height}`,
    { code: 'bad-data', file: other.file, fix: 'set resize and crop, so that all images have one size' },
  );
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
      fix: 'replace the file or remove it; it is damaged, or not an image',
      cause: error,
    });
  }
  const { resize, crop } = options;
  if (resize !== undefined) image = resizeTo(resize, image, file);
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

/** A side that is given makes the other as long as the file is narrow, so the result has a limit too. */
function resizeTo(side: number, image: Bitmap, file: string): Bitmap {
  const [height, width] = resizedShape(image.height, image.width, side);
  if (height * width > mostPixels) {
    throw new StageError(
      `${file} is ${image.width}×${image.height}, so it would be ${width}×${height} after resizing; at most ${mostPixels} pixels are allowed`,
      { code: 'bad-data', file, fix: 'set a smaller resize, or remove the file' },
    );
  }
  return resizeBilinear(image, height, width);
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
  const kind = unreadableKind(metadata) ?? (convert ? null : unlikeWanted(metadata, channels));
  if (kind !== null)
    throw new StageError(`${file} ${kind.problem}`, { code: 'bad-data', file, fix: kind.fix });
  if (metadata.format === 'tiff' && (await storesPlainYCbCr(file))) {
    throw new StageError(
      `${file} stores luma and chroma (YCbCr) without JPEG compression, which is not read`,
      {
        code: 'bad-data',
        file,
        fix: 'save the image as RGB',
      },
    );
  }
  // Within its own colour space: on the way to another one libvips would apply its press profile.
  const space = metadata.space === 'cmyk' ? 'cmyk' : 'srgb';
  const { data, info } = await source
    .removeAlpha()
    .pipelineColourspace(space)
    .toColourspace(space)
    .raw()
    .toBuffer({ resolveWithObject: true });
  const image = { data, height: info.height, width: info.width, channels: info.channels };
  return toChannels(space === 'cmyk' ? cmykToRgb(image) : image, channels);
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
