/** Padding of convolutions and pools in the forms of TensorFlow.js and TensorFlow. Loads neither. */

/**
 * Zero padding before and after each axis in the form of TensorFlow.js. The batch and the channels have none.
 */
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
 * TensorFlow's SAME padding of one axis: the least that gives ⌈extent / stride⌉ windows, with an odd element
 * after the axis. `kernel` is the extent of the window, including the gaps of a dilated one.
 */
export function samePadding(
  extent: number,
  kernel: number,
  stride: number,
): readonly [before: number, after: number] {
  const total = Math.max((Math.ceil(extent / stride) - 1) * stride + kernel - extent, 0);
  return [Math.floor(total / 2), Math.ceil(total / 2)];
}
