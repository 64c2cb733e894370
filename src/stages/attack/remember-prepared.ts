import type { Attack, PreparedAttack } from '../../attacks/attack.ts';
import type { Value } from '../../values/value.ts';

/** Prepared attacks of this worker, least recently used first, with what they were made from. */
interface Entry {
  readonly recipe: string;
  readonly made: readonly Mark[];
  readonly prepared: PreparedAttack;
}

/** A value by identity: values are never written to, and a worker decodes each of them once. */
interface Mark {
  readonly object: WeakRef<object>;
  readonly offset: number;
  readonly length: number;
}

const limitBytes = 256 * 2 ** 20;
const entries: Entry[] = [];

/**
 * The attack, whose work that is the same at every strength is done once in this worker for the same inputs and `recipe` (all that
 * decides it beside them): the cells of a sweep over strengths then share one gradient pass. Only for attacks whose perturbation
 * is a multiple of one direction; the others keep using their classifier.
 */
export function rememberPrepared(
  attack: Attack,
  inputs: Readonly<Record<string, unknown>>,
  recipe: string,
): Attack {
  return {
    ...attack,
    prepare: async (classifier, images, hooks) => {
      const made = Object.values(inputs).flatMap(marksOf);
      const at = entries.findIndex((entry) => entry.recipe === recipe && sameMarks(entry.made, made));
      const [known] = at < 0 ? [] : entries.splice(at, 1);
      const prepared = known?.prepared ?? (await attack.prepare(classifier, images, hooks));
      if (prepared.evaluate === undefined) {
        entries.push({ recipe, made, prepared });
        forget();
      }
      return prepared;
    },
  };
}

function marksOf(input: unknown): Mark[] {
  if (Array.isArray(input)) return input.flatMap(({ value }: { readonly value: Value }) => marksOf(value));
  const value = input as Value;
  if (value.kind !== 'images') return [{ object: new WeakRef(value), offset: 0, length: 0 }];
  // A shard is a new object each time, on the memory of the whole.
  return [value.pixels, value.labels, value.ids].map(({ buffer, byteOffset, length }) => {
    return { object: new WeakRef(buffer), offset: byteOffset, length };
  });
}

function sameMarks(some: readonly Mark[], others: readonly Mark[]): boolean {
  return (
    some.length === others.length &&
    some.every(({ object, offset, length }, index) => {
      const other = others[index]!;
      const target = object.deref();
      return (
        target !== undefined &&
        target === other.object.deref() &&
        offset === other.offset &&
        length === other.length
      );
    })
  );
}

function forget(): void {
  let total = entries.reduce((sum, { prepared }) => sum + prepared.direction.byteLength, 0);
  while (total > limitBytes) total -= entries.shift()!.prepared.direction.byteLength;
}
