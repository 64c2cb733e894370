import { type ImageBatch, imageSize, takeRows } from './images.ts';
import type { Queries } from './queries.ts';

/** Queries of which each image has a limited number. */
export interface LimitedQueries extends Queries {
  /** Whether a query of an image has been refused, so that the answers to its latest queries say nothing new. */
  readonly isSpent: (id: number) => boolean;
  /** Whether a query of an image has been refused, here or by one of the queries that `reserving` has returned. */
  readonly wasRefused: (id: number) => boolean;
  /** The same queries, which leave the last `passes` of each image to others that share the budget. */
  readonly reserving: (passes: number) => LimitedQueries;
}

/** The images that may be queried, and the answers that stand for those of others. */
export interface KnownImages {
  /** `[n]`. */
  readonly ids: Int32Array;
  /** Logits of the originals, `[n, classes]`. */
  readonly logits: Float32Array;
}

/**
 * The same queries, of which each image has `limit` passes, forward and backward counted alike: logits cost one, a gradient
 * two, and the gradients of k classes 1 + k. A query that an image cannot pay is refused and makes no pass: its answer has the
 * logits of the original, which count as a failure of the attack, and gradients of zero. From then on the image is spent, and all its
 * queries are refused. So no attack can exceed the budget, whether it knows of it or not; one that knows looks at `isSpent`
 * and ends the image.
 */
export function limitQueries(queries: Queries, limit: number, known: KnownImages): LimitedQueries {
  const left = new Map<number, number>(Array.from(known.ids, (id) => [id, limit]));
  const rowOf = new Map<number, number>(Array.from(known.ids, (id, row) => [id, row]));
  return limited(queries, { left, rowOf, refused: new Set(), logits: known.logits }, 0);
}

interface Shared {
  readonly left: Map<number, number>;
  readonly rowOf: ReadonlyMap<number, number>;
  readonly refused: Set<number>;
  readonly logits: Float32Array;
}

function limited(queries: Queries, shared: Shared, reserve: number): LimitedQueries {
  const { classes } = queries;
  const { left, rowOf, refused, logits: known } = shared;
  const spent = new Set<number>();
  /** Pays for a query, and returns the places of the batch that can; an image may be in it several times. */
  const admit = (ids: Int32Array, cost: number): Int32Array =>
    Int32Array.from(ids.keys()).filter((place) => {
      const id = ids[place]!;
      const budget = left.get(id) ?? 0;
      if (spent.has(id) || budget - cost < reserve) {
        spent.add(id);
        refused.add(id);
        return false;
      }
      left.set(id, budget - cost);
      return true;
    });
  const ownLogits = (id: number): Float32Array => {
    const row = rowOf.get(id) ?? 0;
    return known.subarray(row * classes, (row + 1) * classes);
  };
  /** Queries the places that are admitted, and fills the others with the logits of their originals and with zeros. */
  const answered = async <A extends { readonly logits: Float32Array }>(
    batch: ImageBatch,
    cost: number,
    ask: (some: ImageBatch, places: Int32Array) => Promise<A>,
    gradientsOf: ((answer: A) => Float32Array) | null,
    width = 1,
  ): Promise<{ readonly logits: Float32Array; readonly gradients: Float32Array }> => {
    const rows = batch.shape[0];
    const places = admit(batch.ids, cost);
    if (places.length === rows) {
      const answer = await ask(batch, places);
      return { logits: answer.logits, gradients: gradientsOf?.(answer) ?? new Float32Array(0) };
    }
    const size = width * imageSize(batch.shape);
    const logits = new Float32Array(rows * classes);
    for (const [place, id] of batch.ids.entries()) logits.set(ownLogits(id), place * classes);
    const gradients = new Float32Array(gradientsOf === null ? 0 : rows * size);
    if (places.length > 0) {
      const answer = await ask(takeRows(batch, places), places);
      const values = gradientsOf?.(answer);
      for (const [index, place] of places.entries()) {
        logits.set(answer.logits.subarray(index * classes, (index + 1) * classes), place * classes);
        if (values !== undefined)
          gradients.set(values.subarray(index * size, (index + 1) * size), place * size);
      }
    }
    return { logits, gradients };
  };
  const forward =
    (ask: Queries['logits']) =>
    async (batch: ImageBatch): Promise<Float32Array> => {
      const answer = await answered(batch, 1, async (some) => ({ logits: await ask(some) }), null);
      return answer.logits;
    };
  return {
    ...queries,
    isSpent: (id) => spent.has(id),
    wasRefused: (id) => refused.has(id),
    reserving: (passes) => limited(queries, shared, reserve + passes),
    logits: forward(queries.logits),
    ...(queries.drawLogits && { drawLogits: forward(queries.drawLogits) }),
    gradient: async (batch, loss) => {
      // The targets of a loss belong to the images of the batch.
      const lossOf = (places: Int32Array): typeof loss =>
        typeof loss === 'string' ? loss : { ...loss, targets: places.map((place) => loss.targets[place]!) };
      const { logits, gradients } = await answered(
        batch,
        2,
        (some, places) => queries.gradient(some, lossOf(places)),
        ({ gradient }) => gradient,
      );
      return { gradient: gradients, logits };
    },
    vectorJacobianProduct: async (batch, cotangent) => {
      const { logits, gradients } = await answered(
        batch,
        2,
        (some, places) => queries.vectorJacobianProduct(some, takeWidth(cotangent, places, classes)),
        ({ gradient }) => gradient,
      );
      return { gradient: gradients, logits };
    },
    classGradients: (batch, chosen) => {
      const width = chosen.length / Math.max(1, batch.shape[0]);
      return answered(
        batch,
        1 + width,
        (some, places) => queries.classGradients(some, takeWidth(chosen, places, width)),
        ({ gradients }) => gradients,
        width,
      );
    },
  };
}

/** The rows of `width` values at some places. */
function takeWidth<A extends Float32Array | Int32Array>(values: A, places: Int32Array, width: number): A {
  const taken = values.slice(0, places.length * width);
  for (const [index, place] of places.entries())
    taken.set(values.subarray(place * width, (place + 1) * width), index * width);
  return taken as A;
}
