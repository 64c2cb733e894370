/** Pooling and its gradients in a TensorFlow graph. The mathematics is that of ../operations/pooling.ts. */
import { float32, int32 } from '../../tensors/tensorflow/graph/graph-builder.ts';
import type { Attribute, Output } from '../../tensors/tensorflow/graph/graph-builder.ts';
import {
  maxPoolGradientOperation,
  maxPoolOperation,
  oneDnnAttributes,
} from '../../tensors/tensorflow/one-dnn-max-pool.ts';
import type { ActivationShape } from '../network.ts';
import type { PoolGeometry } from '../operations/pooling.ts';
import { emitPad, emitUnpad, explicit, isPadded, paddedShape } from './convolution.ts';
import type { Emitter } from './emitter.ts';

type Attributes = Readonly<Record<string, Attribute>>;

function poolAttributes({ filterSize, strides }: PoolGeometry): Attributes {
  return { ksize: [1, ...filterSize, 1], strides: [1, ...strides, 1], padding: 'VALID', data_format: 'NHWC' };
}

function oneDnnPool(geometry: PoolGeometry): Attributes {
  return { T: float32, ...poolAttributes(geometry), ...oneDnnAttributes };
}

/** The maximum of each window. An emitter of oneDNN's pools also keeps the place of each maximum. */
export function emitMaxPool(emit: Emitter, x: Output, geometry: PoolGeometry): Output {
  if (emit.hasOneDnnMaxPool())
    return emit.graph.add(maxPoolOperation, [padWithLowest(emit, x, geometry)], oneDnnPool(geometry));
  const padding = isPadded(geometry.pad) ? explicit(geometry.pad) : {};
  return emit.float('MaxPool', [x], { ...poolAttributes(geometry), ...padding });
}

/**
 * Gradient of the input of `emitMaxPool`, whose result is `output`. The images are padded beforehand: with explicit padding
 * TensorFlow's own operation takes six times as long as without (68 ms against 12 ms for ResNet-50's at batch 8), and oneDNN's
 * has none.
 */
export function emitMaxPoolGradient(
  emit: Emitter,
  dy: Output,
  input: Output,
  output: Output,
  inputShape: ActivationShape,
  geometry: PoolGeometry,
): Output {
  const { pad } = geometry;
  const images = padWithLowest(emit, input, geometry);
  const gradient = emit.hasOneDnnMaxPool()
    ? emit.graph.add(
        maxPoolGradientOperation,
        [images, output, dy, emit.graph.output(output, 1)],
        oneDnnPool(geometry),
      )
    : emit.float('MaxPoolGrad', [images, output, dy], poolAttributes(geometry));
  return emitUnpad(emit, gradient, pad, inputShape);
}

/** Pads with a number that is never a maximum. */
function padWithLowest(emit: Emitter, x: Output, { pad }: PoolGeometry): Output {
  if (!isPadded(pad)) return x;
  const paddings = emit.graph.constant(Int32Array.from(pad.flat()), [4, 2]);
  return emit.float('PadV2', [x, paddings, emit.numbers([-3e38])], { Tpaddings: int32 });
}

/** Pools zero-padded images and corrects the windows that count fewer pixels. */
export function emitAveragePool(emit: Emitter, x: Output, geometry: PoolGeometry): Output {
  const padded = isPadded(geometry.pad) ? emitPad(emit, x, geometry.pad) : x;
  return correct(emit, emit.float('AvgPool', [padded], poolAttributes(geometry)), geometry);
}

export function emitAveragePoolGradient(
  emit: Emitter,
  dy: Output,
  inputShape: ActivationShape,
  geometry: PoolGeometry,
): Output {
  const { pad } = geometry;
  const gradient = emit.float(
    'AvgPoolGrad',
    [emit.batchShape(paddedShape(inputShape, pad)), correct(emit, dy, geometry)],
    poolAttributes(geometry),
  );
  return emitUnpad(emit, gradient, pad, inputShape);
}

function correct(emit: Emitter, pooled: Output, { correction, outputSize }: PoolGeometry): Output {
  if (correction === null) return pooled;
  return emit.float('Mul', [pooled, emit.numbers(correction, [1, ...outputSize, 1])]);
}
