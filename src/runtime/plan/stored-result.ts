import { perImageKinds } from '../../values/value.ts';
import type { Stage } from '../stage.ts';
import type { CommitRecord } from '../store/record.ts';
import type { Store } from '../store/store.ts';

/**
 * Returns the record of a key if it can stand for a unit of this stage: a record that lacks an output, has one that
 * is not declared, or counts images where there are none, is a miss. The store cannot know that, because it does not
 * know stages.
 */
export function readResult(
  { readRecord }: Pick<Store, 'readRecord'>,
  { out }: Pick<Stage, 'out'>,
  key: string,
): CommitRecord | null {
  const record = readRecord(key);
  return record !== null && hasDeclaredOutputs(out, record) ? record : null;
}

function hasDeclaredOutputs(out: Stage['out'], { outputs, preimage }: CommitRecord): boolean {
  if (Object.keys(outputs).some((port) => out[port] === undefined)) return false;
  const inputs = (preimage['inputs'] ?? {}) as Readonly<Record<string, unknown>>;
  return Object.entries(out).every(([port, { kind, optional }]) => {
    const parts = outputs[port];
    if (parts === undefined) return optional === true && inputs[port] === undefined;
    return perImageKinds.has(kind) || (parts.length === 1 && parts[0]!.images === 0);
  });
}
