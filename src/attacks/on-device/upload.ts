/** Sends images to the device. */
import type { Tensor4D } from '@tensorflow/tfjs';
import { float32, float64, int32, uint8 } from '../../tensors/tensorflow/graph/graph-builder.ts';
import { tf } from '../../tensors/tf.ts';
import { type ImageBatch, imageSize } from '../images.ts';
import { functionOf } from './functions.ts';

/** The values of pixels with eight bits. */
const levels = Float32Array.from({ length: 256 }, (_, level) => level / 255);

/**
 * Sends images `[n, height, width, channels]` to TensorFlow's device. If all values are multiples of 1/255, as those of
 * decoded files are, they go as bytes, a quarter of the size, and the device divides them, which gives the same bits.
 */
export function uploadImages(pixels: Float32Array, shape: ImageBatch['shape']): Tensor4D {
  const [rows, height, width, channels] = shape;
  const size = imageSize(shape);
  const bytes = size % packed === 0 ? bytesOf(pixels) : null;
  if (bytes === null) return tf.tensor4d(pixels, [...shape]);
  // TensorFlow.js has no tensors of bytes. Floating-point numbers, unlike integers, go to a GPU as they are.
  const carried = tf.tensor2d(new Float32Array(bytes.buffer), [rows, size / packed]);
  const [images] = fromBytes([carried], [height, width, channels].join());
  carried.dispose();
  return images as Tensor4D;
}

/** Bytes in the place of one float32 number. */
const packed = 4;

const fromBytes = functionOf<string>((moves, shape) => {
  const { graph } = moves;
  const carried = graph.placeholder('carried', float32, [-1, -1]);
  moves.inputs.push(carried);
  const bytes = graph.add('Bitcast', [carried], { T: float32, type: uint8 });
  const extents = Int32Array.of(-1, ...shape.split(',').map(Number));
  const images = graph.add('Reshape', [bytes, graph.constant(extents, [4])], { T: uint8, Tshape: int32 });
  const whole = graph.add('Cast', [images], { SrcT: uint8, DstT: float64 });
  return [moves.narrow(moves.double('RealDiv', [whole, moves.number(255)]))];
});

/** The pixels in units of 1/255; null if one of them is something else. */
function bytesOf(pixels: Float32Array): Uint8Array | null {
  const bytes = new Uint8Array(pixels.length);
  for (let at = 0; at < pixels.length; at++) {
    const level = Math.round(pixels[at]! * 255);
    // −0 is not 0 here.
    if (!Object.is(levels[level], pixels[at])) return null;
    bytes[at] = level;
  }
  return bytes;
}
