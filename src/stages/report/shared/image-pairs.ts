import { differenceTile } from '../../../report/image-grid.ts';
import type { ImageGrid, Tile } from '../../../report/image-grid.ts';
import { labelled } from '../../../report/labels.ts';
import { StageError } from '../../../runtime/stage.ts';
import type { Images } from '../../../values/images.ts';
import { readableLabel } from '../../../values/readable-number.ts';
import { noCaptions } from './image-captions.ts';
import { imageName, sameSize, shownIndices, tellingAxes, tilesById, versionLabel } from './image-versions.ts';
import type { Version, VersionsChoice } from './image-versions.ts';

/**
 * Figure 2 of Guo et al. 2018. Each chosen image has three rows: the original, its adversarial version, and
 * their scaled difference. The first column has no defense; every other column applies one defense to both. A defended version
 * is paired with the defended originals that have its labels. Throws `StageError` if there is not exactly one
 * adversarial version, or if a defended version has no original.
 */
export function imagePairs(
  originals: Images,
  adversarial: readonly Version[],
  defended: readonly Version[],
  defendedOriginals: readonly Version[],
  choice: VersionsChoice,
): ImageGrid {
  const [attacked, another] = adversarial;
  if (attacked === undefined || another !== undefined) {
    throw new StageError(
      `a grid of defended originals shows one adversarial version, not ${adversarial.length}`,
      {
        fix: 'select one with where: { attack: …, strength: … }',
      },
    );
  }
  const shown = shownIndices(originals, choice);
  const ids = shown.map((index) => originals.ids[index]!);
  const telling = defended.length > 1 ? tellingAxes(defended) : undefined;
  const { labels, captions = noCaptions } = choice;
  const none = labelled(labels, 'none');
  const columns = [
    {
      label: none === 'none' ? 'no defense' : none,
      before: { axes: {}, value: originals },
      after: attacked,
    },
    ...defended.map((version) => ({
      label: versionLabel(version, 'defended', telling, labels),
      before: originalOf(version, defendedOriginals),
      after: version,
    })),
  ].map(({ label, before, after }) => ({
    label,
    before: captions.under(before.axes, ids, tilesById(before.value, ids)),
    after: captions.under(after.axes, ids, tilesById(after.value, ids)),
  }));
  const rows = shown.flatMap((index, place) => {
    const name = shown.length > 1 ? `${imageName(originals, index, labels)}: ` : '';
    const pairs = columns.map(({ before, after }) => [before[place]!, after[place]!] as const);
    return [
      { label: `${name}original`, tiles: pairs.map(([before]) => before) },
      { label: `${name}adversarial`, tiles: pairs.map(([, after]) => after) },
      { label: `difference ×${choice.scale}`, tiles: pairs.map((pair) => difference(...pair, choice.scale)) },
    ];
  });
  return { title: choice.title, columns: columns.map(({ label }) => label), rows };
}

function originalOf({ axes }: Version, originals: readonly Version[]): Version {
  const agrees = (other: Version): boolean =>
    Object.entries(other.axes).every(([axis, label]) => axes[axis] === label);
  const found = originals.find(agrees);
  if (found !== undefined) return found;
  const labels = Object.entries(axes).map(([axis, label]) => `${axis}=${readableLabel(label)}`);
  throw new StageError(`no defended originals for the defended version [${labels.join(', ')}]`, {
    code: 'bad-data',
    fix: 'apply the same defenses, with the same labels, to the originals',
  });
}

function difference(before: Tile | null, after: Tile | null, scale: number): Tile | null {
  return before !== null && after !== null && sameSize(before, after)
    ? differenceTile(before, after, scale)
    : null;
}
