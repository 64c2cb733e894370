import { differenceTile } from '../../../report/image-grid.ts';
import type { ImageGrid, Tile } from '../../../report/image-grid.ts';
import { labelled, type Labels } from '../../../report/labels.ts';
import type { Label } from '../../../report/rows.ts';
import { StageError } from '../../../runtime/stage.ts';
import type { Images } from '../../../values/images.ts';
import { type Captions, noCaptions } from './image-captions.ts';

export interface Version {
  readonly axes: Readonly<Record<string, Label>>;
  readonly value: Images;
}

export interface VersionsChoice {
  readonly count: number;
  readonly indices?: readonly number[];
  readonly scale: number;
  readonly differences: 'adversarial' | 'all' | 'none';
  readonly across: 'images' | 'versions';
  readonly title: string;
  /** Display names of labels and classes. */
  readonly labels?: Labels | undefined;
  readonly captions?: Captions;
}

interface Line {
  readonly label: string;
  readonly tiles: readonly (Tile | null)[];
}

/**
 * A grid of all versions of the chosen originals, paired by id; the place of an image that a version lacks
 * stays empty. If there are several views, the first is shown. A difference is left out if the sizes differ.
 */
export function imageVersions(
  originals: Images,
  adversarial: readonly Version[],
  defended: readonly Version[],
  choice: VersionsChoice,
): ImageGrid {
  const shown = shownIndices(originals, choice);
  const ids = shown.map((index) => originals.ids[index]!);
  const sources = shown.map((index) => tileAt(originals, index));
  const { labels, captions = noCaptions } = choice;
  const lines: Line[] = [{ label: 'original', tiles: captions.under({}, ids, sources) }];
  const add = (versions: readonly Version[], name: string, differences: boolean): void => {
    const telling = versions.length > 1 ? tellingAxes(versions) : undefined;
    for (const version of versions) {
      const label = versionLabel(version, name, telling, labels);
      const tiles = tilesById(version.value, ids);
      lines.push({ label, tiles: captions.under(version.axes, ids, tiles) });
      if (!differences) continue;
      const changes = tiles.map((tile, index) =>
        tile !== null && sameSize(tile, sources[index]!)
          ? differenceTile(sources[index]!, tile, choice.scale)
          : null,
      );
      if (changes.some((tile) => tile !== null))
        lines.push({ label: `difference ×${choice.scale}`, tiles: changes });
    }
  };
  add(adversarial, 'adversarial', choice.differences !== 'none');
  add(defended, 'defended', choice.differences === 'all');
  const names = shown.map((index) => imageName(originals, index, labels));
  if (choice.across === 'images') return { title: choice.title, columns: names, rows: lines };
  return {
    title: choice.title,
    columns: lines.map((line) => line.label),
    rows: names.map((label, index) => ({ label, tiles: lines.map((line) => line.tiles[index]!) })),
  };
}

/** Positions of the chosen originals. Throws `StageError` if one does not exist. */
export function shownIndices(
  originals: Images,
  { count, indices }: Pick<VersionsChoice, 'count' | 'indices'>,
): readonly number[] {
  const available = originals.ids.length;
  if (indices === undefined) return Array.from({ length: Math.min(count, available) }, (_, index) => index);
  const outside = indices.find((index) => index >= available);
  if (outside !== undefined) {
    throw new StageError(
      `there is no image ${outside} (indices): the originals are ${available} images, 0 to ${available - 1}`,
      {
        fix: 'choose smaller indices, or raise the limit of the dataset',
      },
    );
  }
  return indices;
}

/** Axes on which the versions differ; the other axes would only lengthen the labels. */
export function tellingAxes(versions: readonly Version[]): readonly string[] {
  const axes = [...new Set(versions.flatMap((version) => Object.keys(version.axes)))];
  return axes.filter((axis) => new Set(versions.map((version) => version.axes[axis])).size > 1);
}

export function versionLabel(
  { axes }: Version,
  name: string,
  telling: readonly string[] | undefined,
  called?: Labels,
): string {
  const shown = telling ?? Object.keys(axes);
  const labels = shown.flatMap((axis) => {
    const label = axes[axis];
    if (label === undefined) return [];
    return [
      typeof label === 'string' && !/^[\d.\s/]+$/.test(label)
        ? labelled(called, label)
        : `${labelled(called, axis)} ${labelled(called, label)}`,
    ];
  });
  return labels.length === 0 ? name : labels.join(', ');
}

/** Name of an image: that of its class, or its label, or its id. */
export function imageName(images: Images, index: number, labels?: Labels): string {
  const label = images.labels[index]!;
  const name = images.classes[label];
  return name !== undefined
    ? labelled(labels, name)
    : label >= 0
      ? `class ${label}`
      : `image ${images.ids[index]!}`;
}

/** First view of the image with each id; null if the version lacks it. */
export function tilesById(images: Images, ids: readonly number[]): readonly (Tile | null)[] {
  const indexOf = new Map<number, number>();
  images.ids.forEach((id, index) => indexOf.set(id, index));
  return ids.map((id) => {
    const index = indexOf.get(id);
    return index === undefined ? null : tileAt(images, index);
  });
}

/** First view of image `index`. Throws `StageError` for a number of channels that cannot be drawn. */
export function tileAt(images: Images, index: number): Tile {
  const [, height, width, channels] = images.shape;
  if (channels !== 1 && channels !== 3) {
    throw new StageError(`images with ${channels} channels cannot be drawn; 1 (grey) or 3 (RGB) can`, {
      code: 'bad-data',
      fix: 'convert the images to grey or RGB where they are loaded',
    });
  }
  const size = height * width * channels;
  const from = index * images.views * size;
  return { pixels: images.pixels.subarray(from, from + size), height, width, channels };
}

export function sameSize(a: Tile, b: Tile): boolean {
  return a.height === b.height && a.width === b.width && a.channels === b.channels;
}
