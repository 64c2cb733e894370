/** A network in float64, one image at a time, straight from the definitions: what the real evaluations are held against. */
import { networkShapes } from '../../src/models/network.ts';
import type { NetworkModel, NetworkNode } from '../../src/values/model.ts';

type Activation = ArrayLike<number>;

/** Logits of one image `[h, w, c]`. Dropout is the identity, batch norm uses the running statistics. */
export function referenceLogits(model: NetworkModel, pixels: ArrayLike<number>): Float64Array {
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
  model: NetworkModel,
  pixels: ArrayLike<number>,
  loss: (logits: Float64Array) => number,
): Float64Array {
  return Float64Array.from(
    logitsAround(model, pixels),
    ([above, below]) => (loss(above) - loss(below)) / (2 * step),
  );
}

const step = 1e-6;

type Around = readonly (readonly [above: Float64Array, below: Float64Array])[];
const known = new WeakMap<NetworkModel, Map<string, Around>>();

/** The logits a step above and below each pixel, which are the same for every loss and backend: they take most of the time of the tests. */
function logitsAround(model: NetworkModel, pixels: ArrayLike<number>): Around {
  const ofModel = known.get(model) ?? new Map<string, Around>();
  known.set(model, ofModel);
  const moved = Float64Array.from(pixels);
  const key = Buffer.from(moved.buffer).toString('base64');
  const found = ofModel.get(key);
  if (found !== undefined) return found;
  const around = Array.from(moved, (pixel, index) => {
    const at = (value: number): Float64Array => {
      moved[index] = value;
      return referenceLogits(model, moved);
    };
    const pair = [at(pixel + step), at(pixel - step)] as const;
    moved[index] = pixel;
    return pair;
  });
  ofModel.set(key, around);
  return around;
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

/** The targeted difference-of-logits ratio of Croce and Hein 2020, equation 7. */
export function targetedDlr(logits: ArrayLike<number>, label: number, target: number): number {
  const sorted = Array.from(logits).sort((a, b) => b - a);
  return (logits[target]! - logits[label]!) / (sorted[0]! - (sorted[2]! + sorted[3]!) / 2);
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
              const depthwise = node.groups > 1 && node.groups === channels;
              const depth = channels / node.groups;
              for (let i = 0; i < depth; i++) {
                const channel = Math.floor(o / perGroup) * depth + i;
                const place = (a * node.kernel[1] + b) * depth + i;
                // A depthwise filter is [height, width, channels, multiplier], whose last two axes together are the filters.
                sum +=
                  x[pixel + channel]! *
                  filter[(depthwise ? a * node.kernel[1] + b : place) * node.filters + o]!;
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
    case 'sigmoid':
      return out.map((_, index) => 1 / (1 + Math.exp(-x[index]!)));
    case 'silu':
      return out.map((_, index) => x[index]! / (1 + Math.exp(-x[index]!)));
    case 'hard-swish':
      return out.map((_, index) => (x[index]! * Math.min(Math.max(x[index]! + 3, 0), 6)) / 6);
    case 'hard-sigmoid':
      return out.map((_, index) => Math.min(Math.max(node.slope * x[index]! + node.offset, 0), 1));
    case 'multiply': {
      // A factor for each channel is as long as the image has channels, which are the innermost axis.
      const y = inputs[1]!;
      return out.map((_, index) => x[index]! * y[index % y.length]!);
    }
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
    case 'dense': {
      const features = inputShapes[0]!.at(-1)!;
      return out.map((_, index) => {
        const unit = index % node.units;
        const start = Math.floor(index / node.units) * features;
        let sum = node.bias ? weight('bias')[unit]! : 0;
        for (let f = 0; f < features; f++) sum += x[start + f]! * weight('weight')[f * node.units + unit]!;
        return sum;
      });
    }
    case 'gelu':
      return out.map((_, index) => {
        const u = x[index]!;
        const inner =
          node.approximate === 'none'
            ? errorFunction(u / Math.SQRT2)
            : Math.tanh(Math.sqrt(2 / Math.PI) * (u + 0.044715 * u ** 3));
        return (u * (1 + inner)) / 2;
      });
    case 'reciprocal':
      return out.map((_, index) => 1 / x[index]!);
    case 'softmax':
      return byRow(x, shape.at(-1)!, (row) => {
        const sum = row.reduce((total, value) => total + Math.exp(value), 0);
        return row.map((value) => Math.exp(value) / sum);
      });
    case 'layer-norm':
      return byRow(x, shape.at(-1)!, (row) => {
        const mean = row.reduce((sum, value) => sum + value, 0) / row.length;
        const variance = row.reduce((sum, value) => sum + (value - mean) ** 2, 0) / row.length;
        return row.map(
          (value, c) =>
            ((value - mean) / Math.sqrt(variance + node.epsilon)) * weight('weight')[c]! + weight('bias')[c]!,
        );
      });
    case 'affine':
      return out.map((_, index) => {
        const c = index % shape.at(-1)!;
        return x[index]! * weight('weight')[c]! + weight('bias')[c]!;
      });
    case 'offset':
      return out.map((_, index) => x[index]! + weight('bias')[index]!);
    case 'tokens': {
      const rows = [...weight('weight')];
      return Float64Array.from(
        node.place === 'before' ? [...rows, ...Array.from(x)] : [...Array.from(x), ...rows],
      );
    }
    case 'matmul': {
      const [rows, columns] = [shape.at(-2)!, shape.at(-1)!];
      const inner = inputShapes[0]!.at(-1)!;
      return out.map((_, index) => {
        const column = index % columns;
        const row = Math.floor(index / columns) % rows;
        const matrix = Math.floor(index / columns / rows);
        let sum = 0;
        for (let k = 0; k < inner; k++)
          sum += x[(matrix * rows + row) * inner + k]! * inputs[1]![(matrix * inner + k) * columns + column]!;
        return sum;
      });
    }
    case 'permute':
      return moved(out, x, shape, inputShapes[0]!, (place) => {
        const from: number[] = [];
        node.order.forEach((axis, at) => (from[axis] = place[at]!));
        return from;
      });
    case 'slice':
      return moved(out, x, shape, inputShapes[0]!, (place) =>
        place.map((at, axis) => at + (axis === node.axis ? node.start : 0)),
      );
    case 'expand':
      return moved(out, x, shape, inputShapes[0]!, (place) =>
        place.map((at, axis) => at % inputShapes[0]![axis]!),
      );
    case 'flatten':
    case 'reshape':
    case 'dropout':
      return Float64Array.from(x);
  }
}

/** `out` at each place is `x` at the place that `from` names. */
function moved(
  out: Float64Array,
  x: Activation,
  shape: readonly number[],
  inputShape: readonly number[],
  from: (place: readonly number[]) => readonly number[],
): Float64Array {
  return out.map((_, index) => {
    const place: number[] = [];
    let rest = index;
    for (const extent of [...shape].reverse()) {
      place.unshift(rest % extent);
      rest = Math.floor(rest / extent);
    }
    return x[from(place).reduce((sum, at, axis) => sum * inputShape[axis]! + at, 0)]!;
  });
}

function byRow(
  x: Activation,
  length: number,
  change: (row: readonly number[]) => readonly number[],
): Float64Array {
  const values = Array.from(x);
  return Float64Array.from(
    Array.from({ length: values.length / length }, (_, row) =>
      change(values.slice(row * length, (row + 1) * length)),
    ).flat(),
  );
}

/** Its Taylor series, and the continued fraction of its complement (Abramowitz and Stegun 7.1.14) where that would cancel. */
function errorFunction(z: number): number {
  if (z < 0) return -errorFunction(-z);
  if (z > 2) {
    let fraction = z;
    for (let n = 100; n > 0; n--) fraction = z + n / 2 / fraction;
    return 1 - Math.exp(-z * z) / (Math.sqrt(Math.PI) * fraction);
  }
  let term = z;
  let sum = z;
  for (let n = 1; Math.abs(term) > 1e-18 && n < 200; n++) {
    term *= (-z * z) / n;
    sum += term / (2 * n + 1);
  }
  return (2 / Math.sqrt(Math.PI)) * sum;
}
