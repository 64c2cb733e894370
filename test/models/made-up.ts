/** The made-up numbers of test/reference/architectures.py, bit for bit. */
import { torchShapes } from '../../src/models/weights/import-weights.ts';
import type { NamedTensors } from '../../src/models/weights/named-tensors.ts';
import type { Network } from '../../src/values/model.ts';

/** `count` numbers in [0, 1), multiples of 2⁻²⁴. */
export function madeUp(name: string, count: number): Float32Array {
  let offset = 0x811c9dc5;
  for (const byte of new TextEncoder().encode(name)) offset = Math.imul(offset ^ byte, 0x01000193);
  const values = new Float32Array(count);
  for (let index = 0; index < count; index++) {
    let x = (Math.imul(index, 0x9e3779b1) + offset) | 0;
    x = Math.imul(x ^ (x >>> 16), 0x85ebca6b);
    x = Math.imul(x ^ (x >>> 13), 0xc2b2ae35);
    values[index] = ((x ^ (x >>> 16)) >>> 8) / 2 ** 24;
  }
  return values;
}

/** A checkpoint in PyTorch's layout. */
export function madeUpCheckpoint(network: Network): NamedTensors {
  return new Map(
    [...torchShapes(network)].map(([name, shape]) => [
      name,
      { shape, type: 'F32' as const, read: () => madeUpWeight(name, shape) },
    ]),
  );
}

function madeUpWeight(name: string, shape: readonly number[]): Float32Array {
  const product = (extents: readonly number[]): number => extents.reduce((all, extent) => all * extent, 1);
  const values = madeUp(name, product(shape));
  const spread = Math.sqrt(6 / product(shape.slice(1)));
  const map =
    name.endsWith('.running_var') || (name.endsWith('.weight') && shape.length === 1)
      ? (u: number) => 0.8 + 0.4 * u
      : name.endsWith('.running_mean') || name.endsWith('.bias')
        ? (u: number) => 0.2 * u - 0.1
        : (u: number) => (2 * u - 1) * spread;
  for (let index = 0; index < values.length; index++) values[index] = map(values[index]!);
  return values;
}
