import type { Attachments } from './attachments.ts';
import { html, text } from './elements.ts';
import type { Gallery, GalleryImage, GalleryPrediction, GalleryVersion } from './gallery.ts';

/**
 * Shows images side by side, under each what the network says. It is whole without a script; with one, a press on an image opens it large beside
 * the original, its difference and its defended versions.
 */
export function galleryBlock(name: string, gallery: Gallery, attachments: Attachments): string {
  const { images, scale, predictedBy, isRounded } = gallery;
  const notes = [
    predictedBy.length === 0
      ? 'The run has no predictions for these images.'
      : `Under each image: the most probable class by ${predictedBy.map((cell) => `‘${cell}’`).join(', ')}.`,
    images.some(({ versions }) => versions.some(({ difference }) => difference !== null))
      ? `The grey pictures are differences from the original, enlarged ${scale} times.`
      : '',
    isRounded ? 'Pixels are rounded to 8 bits.' : '',
  ].filter((note) => note !== '');
  return [
    ...images.map((image) => imageBlock(name, image, attachments)),
    html('p', { class: 'note' }, text(notes.join(' '))),
  ].join('');
}

function imageBlock(name: string, { id, truth, versions }: GalleryImage, attachments: Attachments): string {
  const title = truth === '' ? `Image ${id}` : `Image ${id}: ${truth}`;
  return html(
    'div',
    { class: 'gallery', role: 'group', 'aria-label': title },
    html('p', { class: 'truth' }, text(title)),
    ...rowsOf(versions).map((row) =>
      html('div', { class: 'cards' }, ...row.map((version) => card(name, id, version, attachments))),
    ),
  );
}

/** Consecutive versions of one row. */
function rowsOf(versions: readonly GalleryVersion[]): readonly (readonly GalleryVersion[])[] {
  const rows: GalleryVersion[][] = [];
  for (const version of versions) {
    const last = rows.at(-1);
    if (last?.[0]?.row === version.row) last.push(version);
    else rows.push([version]);
  }
  return rows;
}

function card(name: string, id: number, version: GalleryVersion, attachments: Attachments): string {
  const { role, label, png, width, height, difference, distance, prediction, beside } = version;
  const called = label === '' ? role : label;
  const picture = (bytes: Uint8Array, alt: string, end: string): string =>
    html('img', {
      src: attachments.address(`${name}-${id}-${called}${end}.png`, 'image/png', bytes),
      width,
      height,
      alt,
    });
  return html(
    'div',
    { class: 'card', 'data-role': role, 'data-beside': beside.length === 0 ? undefined : beside.join(' ') },
    picture(png, `${called} of image ${id}`, ''),
    difference === null
      ? ''
      : picture(difference, `difference of ${called} from the original`, '-difference'),
    html('p', { class: 'called' }, text(called)),
    prediction === null ? '' : said(prediction),
    distance === '' ? '' : html('p', { class: 'note' }, text(distance)),
  );
}

function said({ top, isRight }: GalleryPrediction): string {
  const [first, ...others] = top;
  if (first === undefined) return '';
  const mark = isRight === null ? '' : isRight ? '✓ ' : '✗ ';
  const spoken = isRight === null ? '' : isRight ? 'right: ' : 'wrong: ';
  return (
    html(
      'p',
      { class: isRight === false ? 'said bad' : 'said' },
      mark === '' ? '' : html('span', { 'aria-hidden': 'true' }, mark),
      spoken === '' ? '' : html('span', { class: 'spoken' }, spoken),
      text(`${first[0]} ${percent(first[1])}`),
    ) +
    (others.length === 0
      ? ''
      : html(
          'ul',
          { class: 'others' },
          ...others.map(([name, share]) => html('li', {}, text(`${name} ${percent(share)}`))),
        ))
  );
}

function percent(share: number): string {
  return `${(share * 100).toFixed(share < 0.0995 ? 1 : 0)} %`;
}
