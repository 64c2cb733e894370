import { createHash } from 'node:crypto';
import { inPhase, whileAwaiting } from '../../../timing/phases.ts';
import type { Images } from '../../../values/images.ts';
import { checkRow, type ImageLabels, type ImageRows, labelsOf } from '../../../values/image-rows.ts';
import { readSafetensorsHeader } from '../../../values/safetensors.ts';
import { concatLabels } from '../../../values/slices.ts';
import { DamagedObjectError } from '../../store/errors.ts';
import { decodeObject } from '../../store/read-value.ts';
import type { Store } from '../../store/store.ts';
import { DamagedInputsError } from './damaged-inputs.ts';

/** Bytes of pixels that stay in memory; those of the other objects are read row by row. */
export const heldBytes = 64 << 20;

/** Bytes of the SHA-256 of a row that are kept: no damage agrees in all of them by chance. */
const printBytes = 16;

type ReadingStore = Pick<Store, 'readObject' | 'readRange' | 'condemn'>;

/** An object of images, with what is needed to read its rows. */
interface StoredPart {
  readonly digest: string;
  /** The first of its rows among all. */
  readonly first: number;
  /** Offset of the first row in the object. */
  readonly offset: number;
  readonly isBytes: boolean;
  /** The pixels, if they are held. */
  readonly held: Images['pixels'] | null;
  /** A print of each row that the object had when its digest was verified, unless the pixels are held. */
  readonly prints: Uint8Array;
}

export interface StoredRowsOptions {
  /** Called with the objects that turn out to be damaged when a row is read. */
  readonly onDamage?: ((digests: readonly string[]) => void) | undefined;
  /** Bytes of pixels that stay in memory: those of the first objects. */
  readonly limit?: number;
}

/**
 * Reads and verifies objects of images one after the other, and keeps their labels only. Throws `DamagedInputsError`.
 */
export function readStoredLabels(digests: readonly string[], store: ReadingStore): ImageLabels {
  const parts: ImageLabels[] = [];
  readEach(digests, store, ({ images }) => parts.push(labelsOf(images)));
  return concatLabels(parts);
}

/**
 * Images whose pixels stay in the store. All objects are read and verified once, and a print of each row is kept, so that
 * a row which is read later is verified by itself. Throws `DamagedInputsError`, and `RangeError` if the objects cannot be
 * joined; reading a row throws the first, too.
 */
export function openStoredRows(
  digests: readonly string[],
  store: ReadingStore,
  { onDamage, limit = heldBytes }: StoredRowsOptions = {},
): ImageRows {
  const parts: StoredPart[] = [];
  const labels: ImageLabels[] = [];
  let head: Images | null = null;
  let left = limit;
  let rows = 0;
  readEach(digests, store, ({ digest, images, bytes }) => {
    head ??= images;
    checkJoint(head, images);
    const { pixels, shape } = images;
    const isHeld = pixels.byteLength <= left;
    // Once an object does not fit, no smaller one is held in its place.
    left = isHeld ? left - pixels.byteLength : 0;
    parts.push({
      digest,
      first: rows,
      offset: pixelOffset(bytes),
      isBytes: pixels instanceof Uint8Array,
      held: isHeld ? pixels : null,
      prints: isHeld ? new Uint8Array(0) : printsOf(pixels, shape[0]),
    });
    labels.push(labelsOf(images));
    rows += shape[0];
    // The first one is kept for its shape, not for its pixels.
    head = { ...head, pixels: new Uint8Array(0) };
  });
  const { shape, views } = head!;
  const [, height, width, channels] = shape;
  return {
    ...concatLabels(labels),
    views,
    shape: [rows, height, width, channels],
    read: (wanted) => readRows(parts, wanted, { rows, size: height * width * channels, onDamage }, store),
  };
}

interface ReadObject {
  readonly digest: string;
  readonly images: Images;
  readonly bytes: Uint8Array;
}

/** Visits the undamaged objects in order. Throws `DamagedInputsError` with all that are damaged. */
function readEach(
  digests: readonly string[],
  store: ReadingStore,
  visit: (object: ReadObject) => void,
): void {
  const damaged: string[] = [];
  for (const digest of digests) {
    try {
      const bytes = inPhase('read', () => store.readObject(digest));
      const images = inPhase('codec', () => decodeObject('images', { digest, bytes }, noPatches)) as Images;
      if (damaged.length === 0) visit({ digest, images, bytes });
    } catch (error) {
      if (!(error instanceof DamagedObjectError)) throw error;
      damaged.push(digest);
    }
  }
  if (damaged.length > 0) throw new DamagedInputsError(damaged);
}

function noPatches(): never {
  throw new Error('images name no patches');
}

function checkJoint(head: Images, images: Images): void {
  if (head.shape.slice(1).join() !== images.shape.slice(1).join())
    throw new RangeError(
      `shards of shape [${head.shape.join(', ')}] and [${images.shape.join(', ')}] cannot be joined`,
    );
  if (head.views !== images.views)
    throw new RangeError(`shards with ${head.views} and ${images.views} views cannot be joined`);
}

/** Offset of the pixels in an object of images. */
function pixelOffset(bytes: Uint8Array): number {
  const { tensors, dataStart } = readSafetensorsHeader(bytes, bytes.length);
  return dataStart + tensors.get('images')!.start;
}

/** A run of wanted rows that follow each other in one part, and the place of its first among the wanted ones. */
interface Run {
  readonly part: StoredPart;
  readonly row: number;
  readonly position: number;
  count: number;
}

async function readRows(
  parts: readonly StoredPart[],
  wanted: Int32Array,
  {
    rows,
    size,
    onDamage,
  }: { readonly rows: number; readonly size: number } & Pick<StoredRowsOptions, 'onDamage'>,
  store: ReadingStore,
): Promise<Float32Array | Uint8Array> {
  const runs: Run[] = [];
  wanted.forEach((row, position) => {
    checkRow(row, rows);
    const part = partOf(parts, row);
    const last = runs.at(-1);
    if (last?.part === part && last.row + last.count === row - part.first) last.count++;
    else runs.push({ part, row: row - part.first, position, count: 1 });
  });
  // Parts of bytes and of floats are joined as floats, as everywhere.
  const isBytes = parts.every((part) => part.isBytes);
  const result = isBytes ? new Uint8Array(wanted.length * size) : new Float32Array(wanted.length * size);
  const damaged: string[] = [];
  const readings = (): Promise<void>[] =>
    runs.map(async (run) => {
      const pixels = await readRun(run, size, store).catch((error: unknown) => {
        if (!(error instanceof DamagedObjectError)) throw error;
        damaged.push(error.digest);
        return new Uint8Array(0);
      });
      const target = run.position * size;
      if (isBytes || pixels instanceof Float32Array) result.set(pixels, target);
      else for (let at = 0; at < pixels.length; at++) result[target + at] = pixels[at]! / 255;
    });
  await whileAwaiting('read', () => Promise.all(readings()));
  if (damaged.length === 0) return result;
  const digests = [...new Set(damaged)];
  onDamage?.(digests);
  throw new DamagedInputsError(digests);
}

/** The part that a row is in, by bisection. */
function partOf(parts: readonly StoredPart[], row: number): StoredPart {
  let [low, high] = [0, parts.length - 1];
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if (parts[middle]!.first <= row) low = middle;
    else high = middle - 1;
  }
  return parts[low]!;
}

async function readRun(
  { part, row, count }: Run,
  size: number,
  store: ReadingStore,
): Promise<Float32Array | Uint8Array> {
  const { digest, held, isBytes, offset, prints } = part;
  if (held !== null) return held.subarray(row * size, (row + count) * size);
  const pixels = isBytes ? new Uint8Array(count * size) : new Float32Array(count * size);
  const bytes = new Uint8Array(pixels.buffer);
  const rowBytes = bytes.length / count;
  await store.readRange(digest, offset + row * rowBytes, bytes);
  const found = printsOf(pixels, count);
  const expected = prints.subarray(row * printBytes, (row + count) * printBytes);
  if (Buffer.compare(found, expected) !== 0) throw store.condemn(digest);
  return pixels;
}

/** The prints of all rows, one after the other. */
function printsOf(pixels: Images['pixels'], rows: number): Uint8Array {
  const bytes = new Uint8Array(pixels.buffer, pixels.byteOffset, pixels.byteLength);
  const rowBytes = bytes.length / rows;
  const prints = new Uint8Array(rows * printBytes);
  for (let row = 0; row < rows; row++) {
    const hash = createHash('sha256').update(bytes.subarray(row * rowBytes, (row + 1) * rowBytes));
    prints.set(hash.digest().subarray(0, printBytes), row * printBytes);
  }
  return prints;
}
