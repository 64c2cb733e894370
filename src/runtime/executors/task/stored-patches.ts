import { encodePatches } from '../../../values/patches-codec.ts';
import type { Patches } from '../../../values/patches.ts';
import type { StoredObject } from '../../store/record.ts';
import type { Store } from '../../store/store.ts';

/** The object that each database of this process was read from or written to. */
const objects = new WeakMap<Patches, StoredObject>();

export function rememberPatches(patches: Patches, object: StoredObject): void {
  objects.set(patches, object);
}

/** Returns the object that holds the patches. They are written to the store unless they came from it. */
export function storePatches(patches: Patches, store: Store): StoredObject {
  const known = objects.get(patches);
  if (known !== undefined && store.hasObject(known)) return known;
  const bytes = encodePatches(patches);
  const object = { digest: store.writeObject(bytes), bytes: bytes.length };
  rememberPatches(patches, object);
  return object;
}

/** Size of the object of a database that this process has read. */
export function storedBytes(patches: Patches): number {
  return objects.get(patches)?.bytes ?? 0;
}
