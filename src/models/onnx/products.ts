/** Gemm, and MatMul with a constant: dense layers. */
import type { WeightTensor } from '../../values/model.ts';
import {
  activationAt,
  asFeatures,
  constantAt,
  floatOf,
  fresh,
  integerOf,
  labelOf,
  push,
  unsupported,
  weightAt,
} from './context.ts';
import type { Conversion } from './context.ts';
import { shown } from './values.ts';
import type { Activation } from './values.ts';

export function product(conversion: Conversion): Activation {
  const { node, context } = conversion;
  const isGemm = node.op === 'Gemm';
  const given = activationAt(conversion, 0);
  if (given.dims.length !== 1)
    throw unsupported(
      node,
      `an input of the dimensions ${shown(['batch', ...given.dims])}, not [batch, features]`,
    );
  if (isGemm && integerOf(node, 'transA', 0) !== 0) throw unsupported(node, 'a transposed input');
  const features = asFeatures(conversion, given);
  const matrix = weightAt(conversion, 1);
  const isTransposed = isGemm && integerOf(node, 'transB', 0) !== 0;
  if (matrix.shape.length !== 2) throw unsupported(node, `a matrix of the shape ${shown(matrix.shape)}`);
  const [rows, units] = (isTransposed ? [...matrix.shape].reverse() : matrix.shape) as [number, number];
  const inputs = context.shapes.get(features.node)![0]!;
  if (rows !== inputs)
    throw unsupported(node, `a matrix for ${rows} features, but ${inputs} features come in`);
  const alpha = isGemm ? floatOf(node, 'alpha', 1) : 1;
  const beta = isGemm ? floatOf(node, 'beta', 1) : 1;
  const added = isGemm ? constantAt(conversion, 2) : undefined;
  const bias = added === undefined ? undefined : spread(conversion, added.floats(), added.shape, units, beta);
  const name = fresh(context, labelOf(node));
  context.weights[`${name}.weight`] = matrixOf(
    matrix.floats(),
    rows,
    units,
    isTransposed,
    alpha,
    features.order,
  );
  if (bias !== undefined) context.weights[`${name}.bias`] = { shape: [units], data: bias };
  push(context, { op: 'dense', name, inputs: [features.node], units, bias: bias !== undefined });
  return { kind: 'activation', node: name, dims: [units], axes: [units === 1 ? null : 0], order: null };
}

/** Our row i is the row `order[i]` of the file. */
function matrixOf(
  from: Float32Array,
  rows: number,
  units: number,
  isTransposed: boolean,
  alpha: number,
  order: Int32Array | null,
): WeightTensor {
  const data = new Float32Array(rows * units);
  for (let row = 0; row < rows; row++) {
    const own = order === null ? row : order[row]!;
    for (let unit = 0; unit < units; unit++)
      data[row * units + unit] = alpha * from[isTransposed ? unit * rows + own : own * units + unit]!;
  }
  return { shape: [rows, units], data };
}

function spread(
  { node }: Conversion,
  values: Float32Array,
  shape: readonly number[],
  units: number,
  beta: number,
): Float32Array {
  if ((values.length !== units && values.length !== 1) || shape.slice(0, -1).some((extent) => extent !== 1))
    throw unsupported(node, `a bias of the shape ${shown(shape)} for ${units} units`);
  return Float32Array.from({ length: units }, (_, unit) => beta * values[values.length === 1 ? 0 : unit]!);
}
