import type { Tile } from '../../../report/image-grid.ts';
import { labelled, type Labels } from '../../../report/labels.ts';
import type { Label } from '../../../report/rows.ts';
import type { Predictions } from '../../../values/predictions.ts';

/** The predictions of a network for the images of a version. */
export interface PredictedVersion {
  readonly axes: Readonly<Record<string, Label>>;
  readonly value: Predictions;
}

/** Writes what a network says under tiles. */
export interface Captions {
  /** The tiles of a version with these axes, in the order of the ids. */
  readonly under: (
    axes: Readonly<Record<string, Label>>,
    ids: readonly number[],
    tiles: readonly (Tile | null)[],
  ) => readonly (Tile | null)[];
}

/** No captions: the tiles as they are. */
export const noCaptions: Captions = { under: (_axes, _ids, tiles) => tiles };

/**
 * Captions from predictions: those of a version are the first with all of its labels, and those of the originals the first without an axis of any version.
 */
export function captionsFrom(
  predictions: readonly PredictedVersion[],
  versionAxes: ReadonlySet<string>,
  labels: Labels | undefined,
): Captions {
  const find = (axes: Readonly<Record<string, Label>>): Predictions | undefined => {
    const entries = Object.entries(axes);
    const isOf = (own: PredictedVersion['axes']): boolean =>
      entries.length === 0
        ? Object.keys(own).every((axis) => !versionAxes.has(axis))
        : entries.every(([axis, label]) => own[axis] === label);
    return predictions.find(({ axes: own }) => isOf(own))?.value;
  };
  return {
    under(axes, ids, tiles) {
      const found = find(axes);
      if (found === undefined) return tiles;
      const indexOf = new Map([...found.ids].map((id, index) => [id, index]));
      return tiles.map((tile, place) => {
        const index = indexOf.get(ids[place]!);
        return tile === null || index === undefined
          ? tile
          : { ...tile, caption: saidOf(found, index, labels) };
      });
    },
  };
}

/** `ship 97 %`: the most probable class and its probability. */
function saidOf(
  { probabilities, shape, classes }: Predictions,
  index: number,
  labels: Labels | undefined,
): string {
  const [, width] = shape;
  let best = 0;
  const row = probabilities.subarray(index * width, (index + 1) * width);
  for (let at = 1; at < width; at++) if (row[at]! > row[best]!) best = at;
  return `${labelled(labels, classes[best] ?? `class ${best}`)} ${(row[best]! * 100).toFixed(0)} %`;
}
