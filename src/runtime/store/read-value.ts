import { decodeValue } from '../../values/codec.ts';
import type { Patches } from '../../values/patches.ts';
import type { PortKind, Value } from '../../values/value.ts';
import { verifyValue } from '../../values/verify.ts';
import { DamagedObjectError, StoreError } from './errors.ts';
import type { Store } from './store.ts';

/**
 * Reads one object as a value of a kind: its digest, its form and all that its kind promises are verified, as they
 * were when a worker committed it. Throws `DamagedObjectError` with the digest that has to be made again, and
 * `StoreError` if the disk refuses.
 */
export function readValue(store: Pick<Store, 'readObject'>, kind: PortKind, digest: string): Value {
  const find = (patches: string): Patches => readValue(store, 'patches', patches) as Patches;
  return decodeObject(kind, { digest, bytes: store.readObject(digest) }, find);
}

/**
 * The value in the verified bytes of an object; `find` reads the patches that a recipe names. An object whose digest
 * is right but that is not a value of this kind is treated as damaged: the record that names it is wrong.
 */
export function decodeObject(
  kind: PortKind,
  { digest, bytes }: { readonly digest: string; readonly bytes: Uint8Array },
  find: (digest: string) => Patches,
): Value {
  try {
    // The kind of a value that is stored as JSON is what the JSON says.
    const value = decodeValue(kind, bytes, { find }) as Value & Readonly<Record<string, unknown>>;
    if (value.kind !== kind) throw new TypeError(`its kind, ${JSON.stringify(value.kind)}, is unknown`);
    verifyValue(value, kind, 'the object');
    return value;
  } catch (error) {
    if (isOfStore(error)) throw error;
    const reason = error instanceof Error ? error.message : String(error);
    throw new DamagedObjectError(digest, `is not a value of kind ${kind}: ${reason}`);
  }
}

/** Errors of `find`; a worker's own are `DamagedInputsError`. */
function isOfStore(error: unknown): boolean {
  return (
    error instanceof StoreError ||
    error instanceof DamagedObjectError ||
    (error instanceof Error && error.name === 'DamagedInputsError')
  );
}
