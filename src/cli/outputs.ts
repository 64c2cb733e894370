import { DamagedObjectError } from '../runtime/store/errors.ts';
import type { Outputs } from '../runtime/store/record.ts';
import type { Store } from '../runtime/store/store.ts';
import { isPerImageValue, perImageKinds, type PortKind, type Value } from '../values/value.ts';

/**
 * Reads one output of a finished cell: verifies, decodes and joins the parts of all its units. Rejects with
 * `DamagedObjectError` if one of them has to be computed again.
 */
export async function readOutput(
  store: Store,
  units: readonly Outputs[],
  port: string,
  kind: PortKind,
): Promise<Value> {
  const { readValue } = await import('../runtime/store/read-value.ts');
  const parts = units.flatMap((outputs) => outputs[port] ?? []);
  if (!perImageKinds.has(kind)) return readValue(store, kind, parts[0]!.digest);
  const { concatValues } = await import('../values/slices.ts');
  const values: Value[] = [];
  let damaged: DamagedObjectError | null = null;
  for (const { digest } of parts) {
    try {
      values.push(readValue(store, kind, digest));
    } catch (error) {
      if (!(error instanceof DamagedObjectError)) throw error;
      // The others are read too, so that one run computes again whatever is damaged.
      damaged ??= error;
    }
  }
  if (damaged !== null) throw damaged;
  return concatValues(values.filter(isPerImageValue));
}
