import type { Outputs } from '../runtime/store/record.ts';
import type { Store } from '../runtime/store/store.ts';
import { isPerImageValue, perImageKinds, type PortKind, type Value } from '../values/value.ts';

/** Reads one output of a finished cell: verifies, decodes and joins the parts of all its units. */
export async function readOutput(
  store: Store,
  units: readonly Outputs[],
  port: string,
  kind: PortKind,
): Promise<Value> {
  const [{ decodeValue }, { libraryOf }] = await Promise.all([
    import('../values/codec.ts'),
    import('../values/patches-codec.ts'),
  ]);
  const parts = units.flatMap((outputs) => outputs[port] ?? []);
  if (perImageKinds.has(kind)) {
    const { concatValues } = await import('../values/slices.ts');
    const values = parts.map(({ digest }) => decodeValue(kind, store.readObject(digest)));
    return concatValues(values.filter(isPerImageValue));
  }
  return decodeValue(kind, store.readObject(parts[0]!.digest), libraryOf(store.readObject));
}
