/** Sends images to the device. */
import type { Tensor4D } from '@tensorflow/tfjs';
import {
  carryBytes,
  emitCarried,
  emitPixels,
  levelsOf,
} from '../../tensors/tensorflow/graph/carried-bytes.ts';
import { float32, int32 } from '../../tensors/tensorflow/graph/graph-builder.ts';
import { tf } from '../../tensors/tf.ts';
import { elementCount } from '../../values/element-count.ts';
import { type ImageBatch, imageSize } from '../images.ts';
import { functionOf } from './functions.ts';

/**
 * Sends images `[n, height, width, channels]` to TensorFlow's device. If all values are multiples of 1/255, as those of
 * decoded files are, they go as bytes, a quarter of the size, and the device divides them, which gives the same bits.
 */
export function uploadImages(pixels: Float32Array, shape: ImageBatch['shape']): Tensor4D {
  const [rows, height, width, channels] = shape;
  const size = imageSize(shape);
  const bytes = size % packed === 0 ? levelsOf(pixels) : null;
  if (bytes === null) return tf.tensor4d(pixels, [...shape]);
  const carried = carryBytes(bytes, rows);
  const [images] = fromBytes([carried], [height, width, channels].join());
  carried.dispose();
  return images as Tensor4D;
}

/** Bytes in the place of one float32 number. */
const packed = 4;

const fromBytes = functionOf<string>(({ graph, inputs }, shape) => {
  const extents = shape.split(',').map(Number);
  const { placeholder, bytes } = emitCarried(graph, 'carried', elementCount(extents));
  inputs.push(placeholder);
  const whole = graph.constant(Int32Array.of(-1, ...extents), [4]);
  return [graph.add('Reshape', [emitPixels(graph, bytes), whole], { T: float32, Tshape: int32 })];
});
