/** ONNX files for tests: those of test/reference/onnx_files.py, and small ones encoded here. */
import { readdirSync, readFileSync } from 'node:fs';
import { joined } from '../../fuzz/mutate.ts';

/** From the root of the project, where tests and `npm run soak` run: a bundle lies elsewhere. */
export const fixtures = 'test/reference/onnx-files';

export interface Expected {
  readonly files: readonly string[];
  readonly shape: readonly [number, number, number, number];
  readonly pixels: readonly number[];
  readonly logits?: readonly number[];
  readonly cotangent?: readonly number[];
  readonly gradient?: readonly number[];
  /** After the softmax at the end. */
  readonly probabilities?: readonly number[];
}

export function expectations(): Readonly<Record<string, Expected>> {
  return JSON.parse(readFileSync(`${fixtures}/expected.json`, 'utf8')) as Readonly<Record<string, Expected>>;
}

export function fixtureBytes(): readonly Uint8Array[] {
  return readdirSync(fixtures)
    .filter((name) => name.endsWith('.onnx'))
    .sort()
    .map((name) => new Uint8Array(readFileSync(`${fixtures}/${name}`)));
}

/** The fields of a message, encoded: a number as a varint, a text or bytes with their length. */
export function fields(
  ...list: readonly (readonly [number: number, value: number | string | Uint8Array])[]
): Uint8Array {
  return joined(
    ...list.flatMap(([number, value]) => {
      if (typeof value === 'number') return [varint(number * 8), varint(value)];
      const bytes = typeof value === 'string' ? Buffer.from(value) : value;
      return [varint(number * 8 + 2), varint(bytes.length), bytes];
    }),
  );
}

export function varint(value: number): Uint8Array {
  const bytes: number[] = [];
  let left = BigInt.asUintN(64, BigInt(value));
  for (; left > 127n; left >>= 7n) bytes.push(Number(left & 127n) | 128);
  return Uint8Array.of(...bytes, Number(left));
}

export function node(
  op: string,
  name: string,
  inputs: readonly string[],
  attributes: Readonly<Record<string, number | readonly number[] | string>> = {},
): Uint8Array {
  return fields(
    ...inputs.map((input) => [1, input] as const),
    [2, name],
    [3, name],
    [4, op],
    ...Object.entries(attributes).map(([key, value]) => [5, attribute(key, value)] as const),
  );
}

function attribute(name: string, value: number | readonly number[] | string): Uint8Array {
  if (typeof value === 'string') return fields([1, name], [4, value]);
  if (typeof value === 'number') return fields([1, name], [3, value]);
  return fields([1, name], ...value.map((one) => [8, one] as const));
}

/** A tensor of float32, or of int64 if its numbers are given so. */
export function tensor(
  name: string,
  shape: readonly number[],
  values: Float32Array | readonly number[],
): Uint8Array {
  const isFloat = values instanceof Float32Array;
  return fields(
    ...shape.map((extent) => [1, extent] as const),
    [2, isFloat ? 1 : 7],
    [8, name],
    [9, isFloat ? new Uint8Array(values.buffer) : new Uint8Array(BigInt64Array.from(values, BigInt).buffer)],
  );
}

/** A tensor whose numbers are in another file. */
export function outside(
  name: string,
  shape: readonly number[],
  entries: Readonly<Record<string, string>>,
): Uint8Array {
  return fields(
    ...shape.map((extent) => [1, extent] as const),
    [2, 1],
    [8, name],
    ...Object.entries(entries).map(([key, value]) => [13, fields([1, key], [2, value])] as const),
    [14, 1],
  );
}

/** A model of one input `x` of images, `[batch, channels, height, width]`, and one output. */
export function model(
  nodes: readonly Uint8Array[],
  tensors: readonly Uint8Array[],
  {
    input = ['batch', 1, 2, 2] as readonly (string | number)[],
    outputs = ['y'],
  }: { readonly input?: readonly (string | number)[]; readonly outputs?: readonly string[] } = {},
): Uint8Array {
  const shape = fields(
    ...input.map(
      (extent) => [1, typeof extent === 'number' ? fields([1, extent]) : fields([2, extent])] as const,
    ),
  );
  const info = fields([1, 'x'], [2, fields([1, fields([1, 1], [2, shape])])]);
  const graph = fields(
    ...nodes.map((one) => [1, one] as const),
    ...tensors.map((one) => [5, one] as const),
    [11, info],
    ...outputs.map((name) => [12, fields([1, name])] as const),
  );
  return fields([1, 8], [2, 'test'], [7, graph], [8, fields([1, ''], [2, 17])]);
}
