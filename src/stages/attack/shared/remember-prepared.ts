import type { AttackOptions, PreparedAttack } from '../../../attacks/attack-images.ts';
import type { StageContext } from '../../../runtime/stage.ts';
import type { Value } from '../../../values/value.ts';
import type { AttackInputs } from './open-target.ts';

/** Prepared attacks of this worker, least recently used first, with what they were made from. */
interface Entry {
  readonly recipe: string;
  readonly made: readonly Mark[];
  readonly prepared: Extract<PreparedAttack, { kind: 'direction' }>;
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
 * Does the work of an attack that is the same at every strength once in this worker, for the same inputs, backend, seed and `recipe` (all that decides it
 * beside them): the cells of a sweep over strengths then share one gradient pass. Only attacks whose perturbation is a multiple of one direction are
 * kept; the others keep using their classifier.
 */
export function rememberPrepared(
  { inputs, backend, seed }: StageContext<unknown, AttackInputs>,
  recipe: string,
): NonNullable<AttackOptions['remember']> {
  return async (prepare) => {
    const key = JSON.stringify([recipe, backend, seed]);
    const made = Object.values(inputs).flatMap(marksOf);
    const at = entries.findIndex((entry) => entry.recipe === key && sameMarks(entry.made, made));
    const [known] = at < 0 ? [] : entries.splice(at, 1);
    const prepared = known?.prepared ?? (await prepare());
    if (prepared.kind === 'direction') {
      entries.push({ recipe: key, made, prepared });
      forget();
    }
    return prepared;
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
