import { canonicalJson, type JsonObject } from '../../values/json.ts';
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
  readonly preimage: JsonObject & { readonly uses: string };
  readonly outputs: Outputs;
  /** Wall-clock and processor seconds that the unit took. */
  readonly seconds: number;
  readonly cpuSeconds: number;
  /** ISO 8601. */
  readonly created: string;
  readonly ravelin: string;
  /** The warnings of the stage about this result, each text once, so that a run that reuses it can say so again. */
  readonly warnings?: readonly string[];
}

/** The result of a unit that a run need not compute, from its record. */
export function storedResult({ outputs, seconds, warnings = [] }: CommitRecord): {
  readonly outputs: Outputs;
  readonly seconds: number;
  readonly reused: true;
  readonly warnings: readonly string[];
} {
  return { outputs, seconds, reused: true, warnings };
}

const head = '{"check":"';
const middle = '","record":';
const tail = '}\n';
const recipeStart = ',"preimage":';
const bodyStart = head.length + 64 + middle.length;

/**
 * The text of a record file: `{"check": sha256 of the text of record, "record": {…}}`. The check finds a
 * flipped bit even if the text is still valid JSON.
 */
export function encodeRecord(record: Omit<CommitRecord, 'preimage'>, preimageText: string): string {
  const body = `${JSON.stringify(record).slice(0, -1)}${recipeStart}${preimageText}}`;
  return `${head}${sha256(body)}${middle}${body}${tail}`;
}

/**
 * Returns null unless the text is an undamaged record of this key: its check fits, its recipe hashes to the key,
 * and its outputs are cut as the recipe says. So no record answers for another recipe, wherever it came from.
 */
export function parseRecord(text: string, key: string): CommitRecord | null {
  const { body, fields } = checked(text);
  const record = fields as unknown as CommitRecord;
  if (fields['format'] !== 1 || record.key !== key || !isOfRecipe(body, record)) return null;
  return hasTimes(record) && hasOutputs(record) && hasWarnings(record) ? record : null;
}

/**
 * Whether the text is a record in the format of another version of ravelin: that is a miss, but not damage.
 * Every format keeps the check, by which a flipped bit in the number of the format is found.
 */
export function isForeignRecord(text: string): boolean {
  const { format } = checked(text).fields;
  return typeof format === 'number' && format !== 1;
}

/** The text of the record itself and what it says; nothing if the check does not fit. */
function checked(text: string): {
  readonly body: string;
  readonly fields: Readonly<Record<string, unknown>>;
} {
  const nothing = { body: '', fields: {} };
  if (!text.startsWith(head) || !text.startsWith(middle, head.length + 64) || !text.endsWith(tail))
    return nothing;
  const body = text.slice(bodyStart, -tail.length);
  if (text.slice(head.length, head.length + 64) !== sha256(body)) return nothing;
  try {
    const fields: unknown = JSON.parse(body);
    return isObject(fields) ? { body, fields } : nothing;
  } catch {
    return nothing;
  }
}

function isOfRecipe(
  body: string,
  { key, preimage }: { readonly key: string; readonly preimage: JsonObject },
): boolean {
  if (!isObject(preimage) || typeof preimage['uses'] !== 'string') return false;
  // The recipe is the last field, so that its text can be cut out; only a record that has another field of the
  // same name before it has to be written again.
  const written = body.slice(body.indexOf(recipeStart) + recipeStart.length, -1);
  return sha256(written) === key || sha256(canonicalJson(preimage)) === key;
}

function hasTimes({ seconds, cpuSeconds, created }: CommitRecord): boolean {
  return isAmount(seconds) && isAmount(cpuSeconds) && !Number.isNaN(Date.parse(created));
}

function hasWarnings({ warnings = [] }: CommitRecord): boolean {
  return Array.isArray(warnings) && warnings.every((text) => typeof text === 'string');
}

/**
 * A shard has one object for each output: of all its images, or of none. Another unit has one object that is not a
 * list over images, or its images in objects of `chunk`, the last of which may have fewer.
 */
function hasOutputs({ outputs, preimage }: CommitRecord): boolean {
  if (!isObject(outputs)) return false;
  const { shard, chunk } = preimage as {
    readonly shard?: { readonly count: number };
    readonly chunk?: number;
  };
  return Object.values(outputs).every((parts: unknown) => {
    if (!Array.isArray(parts) || parts.length === 0 || !parts.every(isPart)) return false;
    const last = parts.at(-1)!.images;
    if (parts.length === 1 && last === 0) return true;
    if (shard !== undefined) return parts.length === 1 && last === shard.count;
    if (chunk === undefined) return parts.length === 1;
    return last > 0 && last <= chunk && parts.slice(0, -1).every(({ images }) => images === chunk);
  });
}

function isPart(part: unknown): part is OutputPart {
  if (!isStored(part)) return false;
  const { images, needs = [] } = part as Partial<OutputPart>;
  return isAmount(images) && Number.isInteger(images) && Array.isArray(needs) && needs.every(isStored);
}

function isStored(object: unknown): object is StoredObject {
  return isObject(object) && isDigest(object['digest']) && isAmount(object['bytes']);
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isAmount(value: unknown): value is number {
  return typeof value === 'number' && value >= 0;
}
