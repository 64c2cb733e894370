import { differenceTile } from '../../../report/image-grid.ts';
import type { ImageGrid, Tile } from '../../../report/image-grid.ts';
import { labelled } from '../../../report/labels.ts';
import { axisLabels, axisNames, type Label } from '../../../report/rows.ts';
import { StageError } from '../../../runtime/stage.ts';
import type { Images } from '../../../values/images.ts';
import { requireName } from './columns.ts';
import { type Captions, noCaptions } from './image-captions.ts';
import { imageName, sameSize, shownIndices, tileAt, tilesById } from './image-versions.ts';
import type { Version, VersionsChoice } from './image-versions.ts';

/**
 * Axes of the versions that run down and across the grid, as attack and strength do in figure 1 of Guo et al.
 * 2018.
 */
export interface GridAxes {
  readonly rows: string;
  readonly columns: string;
}

/**
 * One block for each chosen original: a row of its versions for each label of the axis `rows`, over the
 * labels of `columns`, and below it the row of their scaled differences. The original comes first. A place
 * without a version stays empty. Throws `StageError` if the versions lack an axis, or if two versions have
 * the same place.
 */
export function imagesByAxes(
  originals: Images,
  versions: readonly Version[],
  axes: GridAxes,
  choice: Pick<
    VersionsChoice,
    'count' | 'indices' | 'scale' | 'differences' | 'title' | 'labels' | 'captions'
  >,
): ImageGrid {
  const asRows = versions.map((version) => ({ ...version, values: {} }));
  for (const param of ['rows', 'columns'] as const)
    requireName(param, axes[param], 'an axis', axisNames(asRows), 'of the images');
  const [down, across] = [axisLabels(asRows, axes.rows), axisLabels(asRows, axes.columns)];
  const { labels, captions = noCaptions } = choice;
  const shown = shownIndices(originals, choice);
  const ids = shown.map((index) => originals.ids[index]!);
  const versionsAt = placeVersions(versions, axes, ids, captions);
  const blocks = shown.map((index, position) => {
    const source = tileAt(originals, index);
    const [first = null] = captions.under({}, [ids[position]!], [source]);
    const name = shown.length > 1 ? `${imageName(originals, index, labels)}, ` : '';
    return down.flatMap((label, row) => {
      const tiles = across.map((column) => versionsAt(label, column)?.tiles[position] ?? null);
      const captioned = across.map((column) => versionsAt(label, column)?.captioned[position] ?? null);
      const line = {
        label: `${name}${labelled(labels, label)}`,
        tiles: [row === 0 ? first : null, ...captioned],
      };
      if (choice.differences === 'none') return [line];
      const changes = tiles.map((tile) =>
        tile !== null && sameSize(tile, source) ? differenceTile(source, tile, choice.scale) : null,
      );
      return [line, { label: `difference ×${choice.scale}`, tiles: [null, ...changes] }];
    });
  });
  return {
    title: choice.title,
    columns: [
      'original',
      ...across.map((label) => `${labelled(labels, axes.columns)} ${labelled(labels, label)}`),
    ],
    rows: blocks.flat(),
  };
}

interface Placed {
  readonly version: Version;
  readonly tiles: readonly (Tile | null)[];
  /** The same with what a network says under them. */
  readonly captioned: readonly (Tile | null)[];
}

type VersionsAt = (row: Label, column: Label) => Placed | undefined;

function placeVersions(
  versions: readonly Version[],
  axes: GridAxes,
  ids: readonly number[],
  captions: Captions,
): VersionsAt {
  const keyOf = (row: Label | undefined, column: Label | undefined): string => JSON.stringify([row, column]);
  const placed = new Map<string, Placed>();
  for (const version of versions) {
    const key = keyOf(version.axes[axes.rows], version.axes[axes.columns]);
    const first = placed.get(key);
    if (first !== undefined) {
      const differing = Object.keys(version.axes).filter(
        (axis) => version.axes[axis] !== first.version.axes[axis],
      );
      throw new StageError(
        `several images would stand at the same place of the grid, because they differ only in ${differing.map((axis) => `'${axis}'`).join(', ') || 'nothing'}`,
        { fix: `select one label with where: { ${differing[0] ?? axes.rows}: … }` },
      );
    }
    const tiles = tilesById(version.value, ids);
    placed.set(key, { version, tiles, captioned: captions.under(version.axes, ids, tiles) });
  }
  return (row, column) => placed.get(keyOf(row, column));
}
