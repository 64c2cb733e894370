import type { JsonObject } from '../../values/json.ts';
import { isDigest, sha256 } from '../digest.ts';

/** One object of an output: the whole value, or some consecutive images of it. */
export interface OutputPart extends StoredObject {
  /** Images in this part; 0 for kinds that are not a list over images. */
  readonly images: number;
  /** Objects that this one names and cannot be read without: the patches of a recipe. */
  readonly needs?: readonly StoredObject[];
}

export interface StoredObject {
  readonly digest: string;
  readonly bytes: number;
}

export type Outputs = Readonly<Record<string, readonly OutputPart[]>>;

/**
 * A commit record says that a recipe gave these objects. It is written last: without it there is no entry.
 */
export interface CommitRecord {
  readonly format: 1;
  readonly key: string;
  /** The recipe whose canonical JSON hashes to `key`; `plan/fingerprint.ts` documents its fields. */
  readonly preimage: JsonObject;
  readonly outputs: Outputs;
  /** Wall-clock and processor seconds that the unit took. */
  readonly seconds: number;
  readonly cpuSeconds: number;
  /** ISO 8601. */
  readonly created: string;
  readonly ravelin: string;
  readonly log?: string;
}

const head = '{"check":"';
const middle = '","record":';
const tail = '}\n';
const bodyStart = head.length + 64 + middle.length;

/**
 * The text of a record file: `{"check": sha256 of the text of record, "record": {…}}`. The check finds a
 * flipped bit even if the text is still valid JSON.
 */
export function encodeRecord(record: Omit<CommitRecord, 'preimage'>, preimageText: string): string {
  const body = `${JSON.stringify(record).slice(0, -1)},"preimage":${preimageText}}`;
  return `${head}${sha256(body)}${middle}${body}${tail}`;
}

/** Returns null if the text is not an undamaged record of this key. */
export function parseRecord(text: string, key: string): CommitRecord | null {
  if (!text.startsWith(head) || !text.startsWith(middle, head.length + 64) || !text.endsWith(tail))
    return null;
  const body = text.slice(bodyStart, -tail.length);
  if (text.slice(head.length, head.length + 64) !== sha256(body)) return null;
  const record = JSON.parse(body) as Omit<CommitRecord, 'format'> & { readonly format: number };
  if (!isCurrent(record) || record.key !== key) return null;
  for (const port of Object.keys(record.outputs)) {
    for (const part of record.outputs[port]!) {
      if (!isDigest(part.digest) || part.needs?.some(({ digest }) => !isDigest(digest))) return null;
    }
  }
  return record;
}

function isCurrent(record: { readonly format: number }): record is { readonly format: 1 } {
  return record.format === 1;
}

/** Whether the text is a record that another version of ravelin wrote: that is a miss, but not damage. */
export function isForeignRecord(text: string): boolean {
  try {
    const { record } = JSON.parse(text) as { record?: { format?: unknown } };
    return typeof record?.format === 'number' && record.format !== 1;
  } catch {
    return false;
  }
}
