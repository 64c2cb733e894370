import { isDigest } from '../digest.ts';
import type { RunEvent } from '../events.ts';

/**
 * Returns the event that a line of a ledger holds. Returns null for any other line: one that a kill cut short, one
 * that is not of this program, or an event that a later version has and this one does not know. What is returned
 * has all fields of its type, so that no reader meets anything else.
 */
export function parseEvent(line: string): RunEvent | null {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch {
    return null;
  }
  if (!isMap(value) || value['v'] !== 1 || !isTime(value['at'])) return null;
  const type = value['type'];
  if (typeof type !== 'string' || !Object.hasOwn(fieldsOf, type)) return null;
  const fields: Fields = fieldsOf[type as RunEvent['type']];
  if (!hasFields(value, fields)) return null;
  // JSON has no NaN: a metric that is none was written as null.
  if (type === 'metric' && value['value'] === null) value['value'] = NaN;
  return value as unknown as RunEvent;
}

type Check = (value: unknown) => boolean;
type Fields = Readonly<Record<string, Check>>;

const isMap = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
const hasFields = (value: Record<string, unknown>, fields: Fields): boolean =>
  Object.entries(fields).every(([name, check]) => check(value[name]));

const text: Check = (value) => typeof value === 'string';
const flag: Check = (value) => typeof value === 'boolean';
const number: Check = (value) => typeof value === 'number';
const count: Check = (value) => Number.isSafeInteger(value) && (value as number) >= 0;
const amount: Check = (value) => typeof value === 'number' && value >= 0;
const digest: Check = (value) => isDigest(value);
const label: Check = (value) => ['string', 'number', 'boolean'].includes(typeof value);
/** A time that a `Date` can hold. */
const isTime: Check = (value) => typeof value === 'number' && Math.abs(value) <= 8.64e15;

const list =
  (check: Check): Check =>
  (value) =>
    Array.isArray(value) && value.every(check);
const map =
  (check: Check): Check =>
  (value) =>
    isMap(value) && Object.values(value).every(check);
const object =
  (fields: Fields): Check =>
  (value) =>
    isMap(value) && hasFields(value, fields);
const optional =
  (check: Check): Check =>
  (value) =>
    value === undefined || check(value);
const nullable =
  (check: Check): Check =>
  (value) =>
    value === null || check(value);
const oneOf =
  (...values: readonly string[]): Check =>
  (value) =>
    values.includes(value as string);

const backend = object({ backend: text, version: text });

/** Every field of every event. The compiler sees to it that none is missing. */
const fieldsOf: {
  readonly [Type in RunEvent['type']]: Readonly<
    Record<Exclude<keyof Extract<RunEvent, { type: Type }>, 'v' | 'at' | 'type'>, Check>
  >;
} = {
  'run-started': {
    run: text,
    pipeline: text,
    file: text,
    backend: text,
    workers: count,
    host: text,
    pid: (value) => count(value) && value !== 0,
    boot: optional(nullable(text)),
    processStarted: optional(nullable(text)),
    choices: optional(object({ set: list(text), profile: list(text), seed: nullable(number) })),
    options: optional(list(text)),
    params: optional(isMap),
    revision: optional(text),
    totals: object({ cells: count, parts: optional(count), shards: count, reuse: count, run: count }),
  },
  'run-paused': { paused: flag },
  'cell-retried': { cell: text, freed: count },
  'cell-skipped': { cell: text },
  'backend-changed': { from: backend, to: backend, shards: count, message: text },
  'cell-planned': {
    cell: text,
    stage: text,
    uses: text,
    axes: map(label),
    partOf: optional(text),
    shards: object({ total: count, reuse: count, run: count }),
    images: count,
    because: list(text),
    expected: optional(amount),
    reads: optional(list((range) => list(count)(range) && (range as unknown[]).length === 2)),
    onTheFly: optional((value) => value === true),
    work: optional(
      object({ alike: text, network: optional(text), perImage: map(amount), perUnit: map(amount) }),
    ),
  },
  'shard-started': { cell: text, shard: count, worker: number, attempt: count },
  'shard-progress': { cell: text, shard: count, done: number, total: number, unit: text },
  'shard-committed': {
    cell: text,
    shard: count,
    key: digest,
    reused: flag,
    images: count,
    seconds: number,
    bytes: count,
    peakBytes: number,
    time: optional(
      object({
        wall: number,
        cpu: number,
        read: number,
        codec: number,
        open: number,
        backend: number,
        kernels: number,
        javascript: number,
        write: number,
        starting: optional(number),
        fed: optional(count),
        fetched: optional(count),
      }),
    ),
  },
  'cell-finished': { cell: text, reused: flag, seconds: number, savedSeconds: number, keys: list(digest) },
  'cell-failed': {
    cell: text,
    shard: count,
    failure: object({
      code: text,
      message: text,
      file: optional(text),
      fix: optional(text),
      at: text,
      log: text,
      attempts: count,
    }),
    blocked: count,
  },
  metric: { cell: text, name: text, value: nullable(number), axes: map(label) },
  log: { cell: text, shard: count, message: text },
  warning: { cell: nullable(text), message: text },
  published: { cell: text, path: text },
  'not-published': { cell: text, path: nullable(text), message: text, fix: optional(text), stale: flag },
  'run-finished': {
    status: oneOf('ok', 'failed', 'interrupted'),
    totals: object({
      ...{ cells: count, parts: optional(count), shards: count },
      ...{ reused: count, ran: count, failed: count },
    }),
    seconds: number,
  },
};
