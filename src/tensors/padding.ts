/** Padding of convolutions and pools, as TensorFlow.js and TensorFlow take it. Loads neither. */

/** Zero padding before and after each axis, as TensorFlow.js takes it: none for the batch and the channels. */
export type ExplicitPadding = [[number, number], [number, number], [number, number], [number, number]];

export function explicitPadding([top, bottom, left, right]: readonly [
  top: number,
  bottom: number,
  left: number,
  right: number,
]): ExplicitPadding {
  return [
    [0, 0],
    [top, bottom],
    [left, right],
    [0, 0],
  ];
}

/**
 * TensorFlow's SAME padding of one axis: as little as gives ⌈extent / stride⌉ windows, the odd element after.
 * `kernel` counts the gaps of a dilated one.
 */
export function samePadding(
  extent: number,
  kernel: number,
  stride: number,
): readonly [before: number, after: number] {
  const total = Math.max((Math.ceil(extent / stride) - 1) * stride + kernel - extent, 0);
  return [Math.floor(total / 2), Math.ceil(total / 2)];
}
