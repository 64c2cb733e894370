import type { AttackOptions, PreparedAttack } from '../../../attacks/attack-images.ts';
import type { StageContext } from '../../../runtime/stage.ts';
import { identityOf, RecentCache } from '../../../values/recent-cache.ts';
import type { Value } from '../../../values/value.ts';
import type { AttackInputs } from './open-target.ts';

/** Prepared attacks of this worker, at most 256 MiB of directions. */
const prepared = new RecentCache<PreparedAttack>({ limit: 256 * 2 ** 20 });

/**
 * Prepares an attack once in this worker for the same inputs, backend, seed and `recipe` (everything else
 * that decides the result): the cells of a sweep over strengths then share one gradient pass. Only attacks
 * whose perturbation is a multiple of one direction are kept; the others keep using their classifier.
 */
export function rememberPrepared(
  { inputs, backend, seed }: StageContext<unknown, AttackInputs>,
  recipe: string,
): NonNullable<AttackOptions['remember']> {
  const key = JSON.stringify([recipe, backend, seed, Object.values(inputs).map(identitiesOf)]);
  return async (prepare) => {
    const known = prepared.get(key);
    if (known !== undefined) return known;
    const made = await prepare();
    if (made.kind === 'direction') prepared.set(key, made, made.direction.byteLength);
    return made;
  };
}

/**
 * Identifies inputs: most by their object, because a worker decodes a value once, but images by their memory,
 * because a shard is a new object each time on the memory of the whole.
 */
function identitiesOf(input: unknown): unknown {
  if (Array.isArray(input)) return input.map(({ value }: { readonly value: Value }) => identitiesOf(value));
  const value = input as Value;
  if (value.kind !== 'images') return identityOf(value);
  return [value.pixels, value.labels, value.ids].map(({ buffer, byteOffset, length }) => [
    identityOf(buffer),
    byteOffset,
    length,
  ]);
}
