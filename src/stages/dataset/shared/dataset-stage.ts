import { type Static, type TObject, type TProperties, Type } from '@sinclair/typebox';
import {
  checkDeclaration,
  defineStage,
  type Facts,
  port,
  type ReadFile,
  type Stage,
  type StageContext,
  type SurveyContext,
} from '../../../runtime/stage.ts';
import type { JsonObject } from '../../../values/json.ts';
import { datasetOutline } from './dataset-outline.ts';
import { type Available, checkAvailable, checkRead, type LabelledImages } from './check-read.ts';

export type { Available, LabelledImages };

/** The images `first … first + count − 1`. */
export interface ReadContext<P> extends Pick<
  StageContext<P, unknown>,
  'params' | 'resolve' | 'seed' | 'signal'
> {
  readonly first: number;
  readonly count: number;
  readonly onProgress: (done: number) => void;
}

/** Everything that distinguishes one dataset from another. */
export interface DatasetStageDeclaration<W extends TProperties> {
  readonly uses: string;
  readonly version: number;
  readonly summary: string;
  /** Parameters besides `limit`. */
  readonly with: W;
  /** Parameters of an example, besides those with defaults. */
  readonly example?: JsonObject;
  /** Description of the images for the reference: `uint8 [n, 28, 28, 1] with labels 0 to 9`. */
  readonly gives: string;
  /** Whether the images depend on the seed. */
  readonly randomness?: boolean;
  /** npm packages whose versions decide the pixels. */
  readonly libraries?: readonly string[];
  readonly survey: (context: SurveyContext<Static<TObject<W>>>) => Available | Promise<Available>;
  /**
   * Says what follows from the parameters alone, for estimates before the data are there: the size of an image, and the number of images
   * without a limit.
   */
  readonly declares?: (params: Static<TObject<W>>) => {
    readonly size: readonly [height: number, width: number, channels: number];
    readonly images?: number;
  };
  /** The size of an image and the number of classes, from the parameters and the heads of the files if they are there; checked with models before a run. */
  readonly facts?: (params: Static<TObject<W>>, read: ReadFile) => Facts;
  /** Reads some of the images. An image must not depend on which others are read with it. */
  readonly read: (context: ReadContext<Static<TObject<W>>>) => LabelledImages | Promise<LabelledImages>;
}

const limitParameter = {
  limit: Type.Optional(
    Type.Integer({ unit: 'images', minimum: 1, description: 'images to take; all if absent' }),
  ),
};

/**
 * A dataset stage: images with labels and ids. They are read shard by shard, so that a larger `limit` reads
 * only the new images.
 */
export function datasetStage<W extends TProperties>(declaration: DatasetStageDeclaration<W>): Stage {
  const {
    uses,
    version,
    summary,
    example,
    gives,
    randomness = false,
    libraries = [],
    survey,
    declares,
    facts,
    read,
  } = declaration;
  const functions = { survey: typeof survey === 'function', read: typeof read === 'function' };
  checkDeclaration('datasetStage', { ...declaration }, functions);
  const properties: TProperties = { ...declaration.with, ...limitParameter };
  // The parameters have passed the schema, but TypeScript cannot follow it for any W.
  type Params = Static<TObject<W>>;
  const limitOf = (params: object): number => ('limit' in params ? Number(params.limit) : Infinity);
  return defineStage({
    uses,
    version,
    summary,
    with: Type.Object(properties, { additionalProperties: false }),
    ...(example && { example }),
    in: {},
    out: {
      images: port('images', {
        description: gives,
        facts: (params: unknown, _inputs: unknown, read: ReadFile) =>
          facts?.(params as Params, read) ?? sizeFacts(declares?.(params as Params).size),
      }),
    },
    shard: 'images',
    randomness,
    extent: ['limit'],
    libraries,
    declaredImages: (params) => {
      const images = Math.min(declares?.(params as Params).images ?? Infinity, limitOf(params));
      return images === Infinity ? null : images;
    },
    outline: ({ params }) => {
      const declared = declares?.(params as Params);
      return declared === undefined ? null : datasetOutline(declared.size);
    },
    survey: async ({ params, ...paths }) => {
      const available: unknown = await survey({ params: params as Params, ...paths });
      checkAvailable(available, uses);
      const { images, files = () => [], facts } = available;
      return { images: Math.min(images, limitOf(params)), files, ...(facts && { facts }) };
    },
    run: async ({ params, shard, resolve, seed, signal, progress }) => {
      const { first, count } = shard;
      const onProgress = (done: number): void => progress(done, count, 'images');
      const part: unknown = await read({
        params: params as Params,
        first,
        count,
        resolve,
        seed,
        signal,
        onProgress,
      });
      checkRead(part, uses, first, count);
      const [height, width, channels] = part.size;
      return {
        images: {
          kind: 'images' as const,
          pixels: part.pixels,
          shape: [count, height, width, channels] as const,
          views: 1,
          labels: Int32Array.from(part.labels),
          ids: Int32Array.from(
            part.ids ?? { length: count },
            (id: number | undefined, row) => id ?? first + row,
          ),
          classes: part.classes ?? [],
        },
      };
    },
  });
}

function sizeFacts(size: Facts['size']): Facts {
  return size === undefined ? {} : { size };
}
