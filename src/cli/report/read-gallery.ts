import { encodePng } from '../../report/png.ts';
import { differenceTile, type Tile } from '../../report/image-grid.ts';
import type { Gallery, GalleryImage, GalleryPrediction, GalleryVersion } from '../../report/html/gallery.ts';
import { DamagedObjectError, StoreError } from '../../runtime/store/errors.ts';
import { readValue } from '../../runtime/store/read-value.ts';
import type { Store } from '../../runtime/store/store.ts';
import type { Images } from '../../values/images.ts';
import type { Predictions } from '../../values/predictions.ts';
import { readableLabel, readableRadius } from '../../values/readable-number.ts';
import {
  type InputValue,
  inputValues,
  parametersOf,
  partsOf,
  type RecordedCell,
  type RunRecipes,
} from './run-recipes.ts';

/** Classes that are named under an image. */
const shownClasses = 5;
/** Bytes of pixels that are kept between images. */
const mostKeptBytes = 256 * 2 ** 20;
/** Versions of one image that are shown; the file that the stage drew has all of them. */
const mostVersions = 60;

/**
 * Reads the images behind a `report/images` cell, and what a network of the run says of each. Null if the cache has lost some of them, so that
 * the picture that the stage drew is shown instead.
 */
export function readGallery(store: Store, recipes: RunRecipes, cell: RecordedCell): Gallery | null {
  if (cell.uses !== 'report/images') return null;
  try {
    return galleryOf(new ImageReader(store, recipes), cell);
  } catch (error) {
    if (error instanceof DamagedObjectError || error instanceof StoreError) return null;
    throw error;
  }
}

interface Version {
  readonly role: GalleryVersion['role'];
  readonly value: InputValue;
}

function galleryOf(reader: ImageReader, cell: RecordedCell): Gallery | null {
  const [originals] = inputValues(cell, 'originals');
  if (originals === undefined) return null;
  const { count = 8, indices, scale = 10, differences = 'adversarial', rows } = parametersOf(cell);
  const positions = Array.isArray(indices)
    ? indices.filter((index) => typeof index === 'number')
    : Array.from({ length: typeof count === 'number' ? count : 8 }, (_, index) => index);
  const shown = positions.flatMap((position) => reader.at(originals, position) ?? []);
  const versions: readonly Version[] = [
    { role: 'original' as const, value: originals },
    ...versionsOf(cell, 'defendedOriginals', 'defended original'),
    ...versionsOf(cell, 'adversarial', 'adversarial'),
    ...versionsOf(cell, 'defended', 'defended'),
  ].slice(0, mostVersions);
  const factor = typeof scale === 'number' ? scale : 10;
  const predictedBy = new Set<string>();
  let isRounded = false;
  const images = shown.map(({ images: own, index }): GalleryImage => {
    const id = own.ids[index]!;
    const source = tileAt(own, index);
    const truth = nameOf(own.classes, own.labels[index]!);
    const found = versions.flatMap((version) => {
      const place = version.role === 'original' ? { images: own, index } : reader.withId(version.value, id);
      return place === null ? [] : [{ version, place }];
    });
    return {
      id,
      truth,
      versions: found.map(({ version: { role, value }, place }): GalleryVersion => {
        const tile = tileAt(place.images, place.index);
        isRounded ||= !(tile.pixels instanceof Uint8Array);
        const prediction = reader.prediction(value, id);
        if (prediction !== null) predictedBy.add(prediction.cell);
        const isCompared =
          (role === 'adversarial' && differences !== 'none') ||
          (role === 'defended' && differences === 'all');
        return {
          role,
          label: labelOf(role, value, found.filter(({ version }) => version.role === role).length > 1),
          row: rowOf(role, value, typeof rows === 'string' ? rows : null),
          png: encodePng(tile),
          width: tile.width,
          height: tile.height,
          difference:
            isCompared && isSameSize(tile, source) ? encodePng(differenceTile(source, tile, factor)) : null,
          distance: role === 'adversarial' ? distanceOf(place.images, place.index) : '',
          prediction: prediction === null ? null : prediction.said(own.labels[index]!),
          beside: found.flatMap(({ version }, other) => (isBeside(version, { role, value }) ? [other] : [])),
        };
      }),
    };
  });
  if (images.length === 0) return null;
  const named = [...predictedBy];
  return {
    images,
    scale: factor,
    predictedBy: named.length > 3 ? [...new Set(named.map((name) => name.replace(/\[.*/, '')))] : named,
    isRounded,
  };
}

function versionsOf(cell: RecordedCell, port: string, role: GalleryVersion['role']): readonly Version[] {
  return inputValues(cell, port).map((value) => ({ role, value }));
}

/** Whether a version belongs into the view of another: the original, and attacked and defended ones whose labels agree. */
function isBeside(version: Version, viewed: Version): boolean {
  if (version.value === viewed.value) return false;
  if (version.role === 'original') return true;
  if (version.role === viewed.role || viewed.role === 'original') return false;
  return Object.entries(version.value.axes).every(
    ([axis, label]) => !(axis in viewed.value.axes) || viewed.value.axes[axis] === label,
  );
}

/** The row of a version: its label on the axis that runs down the grid, or its role. */
function rowOf(role: GalleryVersion['role'], { axes }: InputValue, axis: string | null): string {
  if (role === 'original' || role === 'defended original') return 'original';
  return axis === null ? role : `${role} ${readableLabel(axes[axis] ?? '')}`;
}

function labelOf(role: GalleryVersion['role'], { axes }: InputValue, isOneOfSeveral: boolean): string {
  const labels = Object.entries(axes).map(([axis, label]) =>
    typeof label === 'string' && !/^[\d.\s/]+$/.test(label) ? label : `${axis} ${readableLabel(label)}`,
  );
  if (role === 'original') return '';
  const own = labels.join(', ');
  if (role === 'defended original') return `original, ${own === '' ? 'defended' : own}`;
  return own === '' || !isOneOfSeveral ? `${role}${own === '' ? '' : `, ${own}`}` : own;
}

function nameOf(classes: readonly string[], label: number): string {
  return classes[label] ?? (label >= 0 ? `class ${label}` : '');
}

function distanceOf({ perturbation }: Images, index: number): string {
  if (perturbation === undefined) return '';
  const [dissimilarity, linf] = [perturbation.dissimilarity[index], perturbation.linf[index]];
  const ratio = String(Number((dissimilarity ?? NaN).toPrecision(2)));
  return `‖δ‖₂/‖x‖₂ ${ratio}, L∞ ${readableRadius(linf ?? NaN, 2)}`;
}

function isSameSize(one: Tile, other: Tile): boolean {
  return one.height === other.height && one.width === other.width && one.channels === other.channels;
}

/** The first view of an image. */
function tileAt({ pixels, shape, views }: Images, index: number): Tile {
  const [, height, width, channels] = shape;
  if (channels !== 1 && channels !== 3)
    throw new StoreError('io', `images of ${channels} channels cannot be shown`, '');
  const size = height * width * channels;
  const from = index * views * size;
  return { pixels: pixels.subarray(from, from + size), height, width, channels };
}

interface Place {
  readonly images: Images;
  readonly index: number;
}

interface Predicted {
  readonly cell: string;
  readonly said: (label: number) => GalleryPrediction;
}

/** Reads shards when they are needed, and keeps the last ones. */
class ImageReader {
  readonly #store: Store;
  readonly #recipes: RunRecipes;
  readonly #shards = new Map<string, Images>();
  readonly #predictions = new Map<string, Predictions>();

  constructor(store: Store, recipes: RunRecipes) {
    this.#store = store;
    this.#recipes = recipes;
  }

  /** The image at a position of a value; null if it has fewer. */
  at({ digests }: InputValue, position: number): Place | null {
    let first = 0;
    for (const digest of digests) {
      const images = this.#shard(digest);
      if (position < first + images.ids.length) return { images, index: position - first };
      first += images.ids.length;
    }
    return null;
  }

  /** The image of a value with an id; null if it lacks it. */
  withId({ digests }: InputValue, id: number): Place | null {
    for (const digest of digests) {
      const images = this.#shard(digest);
      const index = images.ids.indexOf(id);
      if (index >= 0) return { images, index };
    }
    return null;
  }

  /** The prediction for an image, from the first cell of predictions that reads these images as they are. */
  prediction({ digests }: InputValue, id: number): Predicted | null {
    const [first] = digests;
    const cell = first === undefined ? undefined : this.#recipes.predictionOf(first);
    if (cell === undefined) return null;
    for (const { digest } of partsOf(cell, 'predictions')) {
      const value = this.#predictionShard(digest);
      const index = value.ids.indexOf(id);
      if (index >= 0) return { cell: cell.cell, said: (label) => saidOf(value, index, label) };
    }
    return null;
  }

  #shard(digest: string): Images {
    const known = this.#shards.get(digest);
    if (known !== undefined) return known;
    const value = readValue(this.#store, 'images', digest) as Images;
    this.#shards.set(digest, value);
    // The versions of one image are read one after another, so the first ones are needed again only for the next image.
    let bytes = [...this.#shards.values()].reduce((sum, { pixels }) => sum + pixels.byteLength, 0);
    for (const [old, { pixels }] of this.#shards) {
      if (bytes <= mostKeptBytes || old === digest) break;
      this.#shards.delete(old);
      bytes -= pixels.byteLength;
    }
    return value;
  }

  #predictionShard(digest: string): Predictions {
    const value =
      this.#predictions.get(digest) ?? (readValue(this.#store, 'predictions', digest) as Predictions);
    this.#predictions.set(digest, value);
    return value;
  }
}

function saidOf(
  { probabilities, shape, classes }: Predictions,
  index: number,
  label: number,
): GalleryPrediction {
  const [, width] = shape;
  const row = probabilities.subarray(index * width, (index + 1) * width);
  const order = [...row.keys()].sort((one, other) => row[other]! - row[one]! || one - other);
  return {
    top: order.slice(0, shownClasses).map((at) => [nameOf(classes, at), row[at]!] as const),
    isRight: label < 0 ? null : order[0] === label,
  };
}
