/**
 * Bytes on their way to TensorFlow's device. TensorFlow.js has no tensors of bytes, so four of them go as one float32 number,
 * which is never computed with: unlike integers, floating-point numbers go to a GPU as they are.
 */
import type { Tensor2D } from '@tensorflow/tfjs';
import { tf } from '../../tf.ts';
import { float32, float64, type GraphBuilder, int32, type Output, uint8 } from './graph-builder.ts';

/** The values of pixels with eight bits. */
const levels = Float32Array.from({ length: 256 }, (_, level) => level / 255);

/** The pixels in units of 1/255; null if one of them is something else. */
export function levelsOf(pixels: Float32Array): Uint8Array | null {
  const bytes = new Uint8Array(pixels.length);
  for (let at = 0; at < pixels.length; at++) {
    const level = levelOf(pixels[at]!);
    if (level === null) return null;
    bytes[at] = level;
  }
  return bytes;
}

/** The pixel in units of 1/255; null if it is something else, such as −0. */
export function levelOf(pixel: number): number | null {
  const level = Math.round(pixel * 255);
  return Object.is(levels[level], pixel) ? level : null;
}

/** Number of bytes that a row of `length` bytes is sent as. */
export function carriedLength(length: number): number {
  return 4 * Math.ceil(length / 4);
}

/** Sends rows of bytes, `[rows, carriedLength(length)]`, of which the last ones may be without meaning. */
export function carryBytes(bytes: Uint8Array, rows: number): Tensor2D {
  const { buffer, byteOffset, byteLength } = bytes;
  return tf.tensor2d(new Float32Array(buffer, byteOffset, byteLength / 4), [rows, byteLength / 4 / rows]);
}

/** A placeholder for rows of `length` bytes from `carryBytes`, and the bytes as uint8, `[rows, carriedLength(length)]`. */
export function emitCarried(
  graph: GraphBuilder,
  name: string,
  length: number,
): { readonly placeholder: Output; readonly bytes: Output } {
  const width = carriedLength(length);
  const placeholder = graph.placeholder(name, float32, [-1, width / 4]);
  const four = graph.add('Bitcast', [placeholder], { T: float32, type: uint8 });
  const shape = graph.constant(Int32Array.of(-1, width), [2]);
  return { placeholder, bytes: graph.add('Reshape', [four, shape], { T: uint8, Tshape: int32 }) };
}

/** Pixels of eight bits as float32 numbers: byte / 255, as a division in float64 rounds it to float32. */
export function emitPixels(graph: GraphBuilder, bytes: Output): Output {
  const whole = graph.add('Cast', [bytes], { SrcT: uint8, DstT: float64 });
  const share = graph.add('RealDiv', [whole, graph.constant(Float64Array.of(255), [])], { T: float64 });
  return graph.add('Cast', [share], { SrcT: float64, DstT: float32 });
}
