import { createHash } from 'node:crypto';
import { Type } from '@sinclair/typebox';
import { defineStage, type Facts, port } from '../../runtime/stage.ts';
import { canonicalJson } from '../../values/json.ts';
import { datasetOutline } from './shared/dataset-outline.ts';
import { listImageFolder } from './shared/folder-listing.ts';
import { counted } from '../../values/counted.ts';

/**
 * Images in class folders, prepared like torchvision's `Resize` and `CenterCrop`. `ids` are indices into the
 * listing sorted by class, then by path; `files`, `onlyClasses`, `offset`, `limit` and `stratify` do not change
 * them.
 */
export const imageFolderStage = defineStage({
  uses: 'dataset/image-folder',
  version: 3,
  summary: 'Images from one folder per class, resized and centre-cropped as torchvision does',
  with: Type.Object(
    {
      path: Type.String({
        format: 'path',
        description: 'folder that holds one folder of images per class',
      }),
      classes: Type.Optional(
        Type.String({
          format: 'path',
          description:
            'JSON file with the list of class folder names in label order; the sorted folder names if absent',
        }),
      ),
      resize: Type.Optional(
        Type.Integer({
          unit: 'px',
          minimum: 1,
          maximum: 8192,
          description:
            'pixels of the shorter side after bilinear resizing with antialiasing; unchanged if absent',
        }),
      ),
      crop: Type.Optional(
        Type.Integer({
          unit: 'px',
          minimum: 1,
          maximum: 8192,
          description: 'pixels of the side of the centre square that is kept; the whole image if absent',
        }),
      ),
      files: Type.Optional(
        Type.String({
          format: 'path',
          description:
            'text file with the images to take, in its order: one path relative to path a line (CLASS/NAME.png); all images, sorted by class and path, if absent',
        }),
      ),
      onlyClasses: Type.Optional(
        Type.Array(Type.String(), {
          minItems: 1,
          description: 'names of the classes to take images from, which keep their labels; all if absent',
        }),
      ),
      offset: Type.Integer({
        unit: 'images',
        minimum: 0,
        default: 0,
        description: 'images to skip at the start, after files, onlyClasses and stratify',
      }),
      limit: Type.Optional(
        Type.Integer({ unit: 'images', minimum: 1, description: 'images to take; all if absent' }),
      ),
      stratify: Type.Boolean({
        default: false,
        description:
          'take classes in turn (one image each, then a second each, …) instead of class after class',
      }),
      extensions: Type.Array(
        Type.String({
          pattern: '^[A-Za-z0-9]+$',
          patternSays: 'a text of letters and digits without the dot, such as png',
        }),
        {
          minItems: 1,
          default: ['png', 'jpg', 'jpeg', 'webp'],
          description:
            'file name extensions of images, without the dot, in any case; other files are ignored',
        },
      ),
      channels: Type.Union([Type.Literal('rgb'), Type.Literal('grey')], {
        default: 'rgb',
        description: 'three channels or one',
      }),
      convert: Type.Boolean({
        default: false,
        description:
          'accept files of another kind and convert them as torchvision does: grey is repeated, alpha dropped, colour turned to luma, CMYK to (255 − ink)(255 − black) / 255; of 16-bit samples the upper 8 bits are kept, where torchvision clips grey ones to 255; an error otherwise',
      }),
    },
    { additionalProperties: false },
  ),
  in: {},
  out: {
    images: port('images', {
      description: 'uint8 [n, height, width, 3 or 1]',
      facts: ({ crop, channels }: { readonly crop?: number; readonly channels: 'rgb' | 'grey' }): Facts =>
        crop === undefined ? {} : { size: [crop, crop, channels === 'rgb' ? 3 : 1] },
    }),
  },
  shard: 'images',
  extent: ['limit'],
  libraries: ['sharp'],
  declaredImages: ({ limit }) => limit ?? null,
  // Without a crop, only the files say how large the images are.
  outline: ({ params: { crop, channels } }) =>
    crop === undefined
      ? null
      : datasetOutline([crop, crop, channels === 'rgb' ? 3 : 1], { 'decode photograph': 1 }),
  survey: async ({ params, resolve }) => {
    const listing = await listImageFolder(params, resolve);
    // Once for all shards, as there may be thousands of names.
    const classes = createHash('sha256').update(canonicalJson(listing.classes)).digest('hex');
    return {
      images: listing.entries.length,
      files: (first, count) => listing.entries.slice(first, first + count).map((entry) => entry.file),
      // A new folder or file may change the labels and ids of all others, and so may the lists.
      facts: (first, count) => ({
        classes,
        images: listing.entries.slice(first, first + count).map(({ id, label }) => [id, label]),
      }),
    };
  },
  run: async (context) => {
    const { params, shard, resolve } = context;
    const listing = await listImageFolder(params, resolve);
    const { missed } = listing;
    if (missed > 0 && shard.first === 0)
      context.warn(
        `limit: ${params.limit} leaves out ${counted(missed, 'class')} of the folder, because images are taken class after class; stratify: true takes the classes in turn`,
      );
    const { decodeImages, requireSizeOf } = await import('./shared/decode.ts');
    const entries = listing.entries.slice(shard.first, shard.first + shard.count);
    if (shard.first > 0) await requireSizeOf(listing.entries[0]!.file, entries[0]!.file, params);
    const decoded = await decodeImages(
      entries.map((entry) => entry.file),
      {
        ...params,
        signal: context.signal,
        onProgress: (done) => context.progress(done, shard.count, 'images'),
      },
    );
    return {
      images: {
        kind: 'images',
        ...decoded,
        views: 1,
        labels: Int32Array.from(entries, (entry) => entry.label),
        ids: Int32Array.from(entries, (entry) => entry.id),
        classes: listing.classes,
      },
    };
  },
});
