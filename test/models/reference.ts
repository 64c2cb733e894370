/** A network in float64, one image at a time, straight from the definitions: what the real evaluations are held against. */
import { networkShapes } from '../../src/models/network.ts';
import type { Model, NetworkNode } from '../../src/values/model.ts';

type Activation = ArrayLike<number>;

/** Logits of one image `[h, w, c]`. Dropout is the identity, batch norm uses the running statistics. */
export function referenceLogits(model: Model, pixels: ArrayLike<number>): Float64Array {
  const { mean, std } = model.preprocessing;
  const shapes = networkShapes(model.network);
  const values = new Map<string, Activation>([
    ['input', Float64Array.from(pixels, (x, i) => (x - mean[i % mean.length]!) / std[i % std.length]!)],
  ]);
  for (const node of model.network.nodes) {
    const inputs = node.inputs.map((name) => values.get(name)!);
    const inputShapes = node.inputs.map((name) => shapes.get(name)!);
    const weight = (part: string): Float32Array => model.weights[`${node.name}.${part}`]!.data;
    values.set(node.name, evaluate(node, inputs, inputShapes, shapes.get(node.name)!, weight));
  }
  return Float64Array.from(values.get(model.network.output)!);
}

/** Central differences of `loss(logits)` by every pixel. */
export function referenceGradient(
  model: Model,
  pixels: ArrayLike<number>,
  loss: (logits: Float64Array) => number,
): Float64Array {
  const step = 1e-6;
  const moved = Float64Array.from(pixels);
  return Float64Array.from(moved, (pixel, index) => {
    moved[index] = pixel + step;
    const above = loss(referenceLogits(model, moved));
    moved[index] = pixel - step;
    const below = loss(referenceLogits(model, moved));
    moved[index] = pixel;
    return (above - below) / (2 * step);
  });
}

export function crossEntropy(logits: ArrayLike<number>, label: number): number {
  const top = Math.max(...Array.from(logits));
  return Math.log(Array.from(logits).reduce((sum, z) => sum + Math.exp(z - top), 0)) + top - logits[label]!;
}

export function margin(logits: ArrayLike<number>, label: number): number {
  return Math.max(...Array.from(logits).filter((_, k) => k !== label)) - logits[label]!;
}

/** The difference-of-logits ratio of Croce and Hein 2020, equation 6. */
export function dlr(logits: ArrayLike<number>, label: number): number {
  const sorted = Array.from(logits).sort((a, b) => b - a);
  return margin(logits, label) / (sorted[0]! - sorted[2]!);
}

function evaluate(
  node: NetworkNode,
  inputs: readonly Activation[],
  inputShapes: readonly (readonly number[])[],
  shape: readonly number[],
  weight: (part: string) => Float32Array,
): Float64Array {
  const x = inputs[0]!;
  const [height = 0, width = 0, channels = 0] = inputShapes[0]!;
  const out = new Float64Array(shape.reduce((product, extent) => product * extent, 1));
  const window = (
    row: number,
    column: number,
    {
      kernel,
      stride,
      padding,
    }: { kernel: readonly number[]; stride: readonly number[]; padding: readonly number[] },
    visit: (a: number, b: number, pixel: number | null, inPadding: boolean) => void,
  ): void => {
    for (let a = 0; a < kernel[0]!; a++)
      for (let b = 0; b < kernel[1]!; b++) {
        const y = row * stride[0]! + a - padding[0]!;
        const z = column * stride[1]! + b - padding[2]!;
        const inside = y >= 0 && y < height && z >= 0 && z < width;
        visit(
          a,
          b,
          inside ? (y * width + z) * channels : null,
          y < height + padding[1]! && z < width + padding[3]!,
        );
      }
  };
  switch (node.op) {
    case 'conv': {
      const filter = weight('weight');
      const perGroup = node.filters / node.groups;
      for (let row = 0; row < shape[0]!; row++)
        for (let column = 0; column < shape[1]!; column++)
          for (let o = 0; o < node.filters; o++) {
            let sum = node.bias ? weight('bias')[o]! : 0;
            window(row, column, node, (a, b, pixel) => {
              if (pixel === null) return;
              for (let i = 0; i < channels; i++) {
                if (node.groups > 1 && Math.floor(o / perGroup) !== i) continue;
                sum +=
                  x[pixel + i]! *
                  filter[
                    ((a * node.kernel[1] + b) * channels + i) * perGroup +
                      (node.groups > 1 ? o % perGroup : o)
                  ]!;
              }
            });
            out[(row * shape[1]! + column) * node.filters + o] = sum;
          }
      return out;
    }
    case 'max-pool':
    case 'average-pool':
      for (let row = 0; row < shape[0]!; row++)
        for (let column = 0; column < shape[1]!; column++)
          for (let c = 0; c < channels; c++) {
            let best = -Infinity;
            let sum = 0;
            let count = 0;
            window(row, column, node, (_a, _b, pixel, counted) => {
              if (pixel !== null) {
                best = Math.max(best, x[pixel + c]!);
                sum += x[pixel + c]!;
              }
              if (pixel !== null || (node.countPadding && counted)) count++;
            });
            out[(row * shape[1]! + column) * channels + c] = node.op === 'max-pool' ? best : sum / count;
          }
      return out;
    case 'global-average-pool':
      for (let index = 0; index < x.length; index++) out[index % channels]! += x[index]! / (height * width);
      return out;
    case 'batch-norm':
      return out.map((_, index) => {
        const c = index % shape.at(-1)!;
        return (
          ((x[index]! - weight('running_mean')[c]!) / Math.sqrt(weight('running_var')[c]! + node.epsilon)) *
            weight('weight')[c]! +
          weight('bias')[c]!
        );
      });
    case 'relu':
      return out.map((_, index) => Math.max(x[index]!, 0));
    case 'relu6':
      return out.map((_, index) => Math.min(Math.max(x[index]!, 0), 6));
    case 'add':
      return out.map((_, index) => x[index]! + inputs[1]![index]!);
    case 'scale':
      return out.map((_, index) => x[index]! * node.factor);
    case 'concat': {
      const depth = shape.at(-1)!;
      let offset = 0;
      inputs.forEach((part, which) => {
        const own = inputShapes[which]!.at(-1)!;
        for (let index = 0; index < part.length; index++) {
          out[Math.floor(index / own) * depth + offset + (index % own)] = part[index]!;
        }
        offset += own;
      });
      return out;
    }
    case 'shortcut':
      for (let row = 0; row < shape[0]!; row++)
        for (let column = 0; column < shape[1]!; column++)
          for (let c = 0; c < channels; c++) {
            out[(row * shape[1]! + column) * shape[2]! + node.before + c] =
              x[(row * node.stride * width + column * node.stride) * channels + c]!;
          }
      return out;
    case 'dense':
      return out.map((_, unit) => {
        let sum = node.bias ? weight('bias')[unit]! : 0;
        for (let f = 0; f < x.length; f++) sum += x[f]! * weight('weight')[f * node.units + unit]!;
        return sum;
      });
    case 'flatten':
    case 'dropout':
      return Float64Array.from(x);
  }
}
