import type { CellPictures, FindPictures, Picture } from '../dashboard/pictures.ts';
import { DamagedObjectError, StoreError } from '../runtime/store/errors.ts';
import { readValue } from '../runtime/store/read-value.ts';
import type { Store } from '../runtime/store/store.ts';
import { isJsonArray, isJsonObject, type Json } from '../values/json.ts';
import type { Images } from '../values/images.ts';

const noImages = 'this cell makes no images';

/** Finds the images of a cell for a screen, in the first shard of it and of its input. The last cell is kept. */
export function picturesOfCache(store: Pick<Store, 'peekRecord' | 'readObject'>): FindPictures {
  let last: { readonly key: string; readonly found: CellPictures | string } | null = null;
  return (key) => {
    if (last?.key !== key) last = { key, found: picturesOf(store, key) };
    return last.found;
  };
}

function picturesOf(store: Pick<Store, 'peekRecord' | 'readObject'>, key: string): CellPictures | string {
  const record = store.peekRecord(key);
  if (record === null) return 'the cache no longer has the result of this cell';
  try {
    const after = imagesIn(store, record.outputs['images']?.[0]?.digest);
    if (after === null) return noImages;
    const before = imagesIn(store, firstInput(record.preimage['inputs']));
    return { count: after.ids.length, at: (index) => pair(before, after, index) };
  } catch (error) {
    if (error instanceof DamagedObjectError || error instanceof StoreError) return error.message;
    throw error;
  }
}

function firstInput(inputs: Json | undefined): string | undefined {
  const input = isJsonObject(inputs) ? inputs['images'] : undefined;
  if (input === undefined || !isJsonArray(input)) return undefined;
  return typeof input[0] === 'string' ? input[0] : undefined;
}

/** Null if there is no such object, or its images have neither one channel nor three. */
function imagesIn(store: Pick<Store, 'readObject'>, digest: string | undefined): Images | null {
  if (digest === undefined) return null;
  const value = readValue(store, 'images', digest) as Images;
  const [, , , channels] = value.shape;
  return channels === 1 || channels === 3 ? value : null;
}

function pair(before: Images | null, after: Images, index: number): ReturnType<CellPictures['at']> {
  const id = after.ids[index]!;
  const label = after.labels[index]!;
  const name = after.classes[label] ?? (label < 0 ? 'without a label' : String(label));
  const old = before === null ? -1 : before.ids.indexOf(id);
  const [now, earlier] = [pictureAt(after, index), old < 0 ? null : pictureAt(before!, old)];
  const isAlike =
    earlier?.width === now.width && earlier.height === now.height && earlier.channels === now.channels;
  return {
    title: `image ${id}, ${label < 0 ? '' : 'label '}${name}`,
    before: isAlike ? earlier : null,
    after: now,
  };
}

/** The first view of an image. */
function pictureAt({ pixels, shape, views }: Images, index: number): Picture {
  const [, height, width, channels] = shape;
  const size = height * width * channels;
  return {
    width,
    height,
    channels,
    pixels: pixels.subarray(index * views * size, (index * views + 1) * size),
  };
}
