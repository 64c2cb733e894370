import type { Preprocessing } from '../values/model.ts';

/** A way in which pixels could have been meant for a network. */
export interface InputSetting {
  /** The label of its row. */
  readonly name: string;
  /** The change to make if the network is much better with it, as the end of a sentence. */
  readonly fix: string;
  /**
   * The pixels that make the network see what it would see with this setting: row-major `[rows, height, width, channels]` in
   * [0, 1] in, the same shape out, whose values may lie outside [0, 1]. Does not change `pixels`.
   */
  readonly apply: (pixels: Float32Array) => Float32Array;
}

interface Normalisation {
  readonly name: string;
  readonly mean: readonly number[];
  readonly std: readonly number[];
}

/** Usual normalisations of images with three channels, red first, in units of [0, 1] pixels. */
const ofColours: readonly Normalisation[] = [
  { name: 'pixels 0 to 1', mean: [0], std: [1] },
  { name: 'pixels -1 to 1', mean: [0.5], std: [0.5] },
  { name: 'ImageNet', mean: [0.485, 0.456, 0.406], std: [0.229, 0.224, 0.225] },
  { name: 'CIFAR-10', mean: [0.4914, 0.4822, 0.4465], std: [0.247, 0.2435, 0.2616] },
  { name: 'pixels 0 to 255', mean: [0], std: [1 / 255] },
  { name: 'Caffe', mean: [123.68 / 255, 116.779 / 255, 103.939 / 255], std: [1 / 255] },
];

const ofGrey: readonly Normalisation[] = [
  ...ofColours.filter(({ mean }) => mean.length === 1),
  { name: 'MNIST', mean: [0.1307], std: [0.3081] },
];

/** Normalisations whose numbers differ by less, as a share of a standard deviation, are the same for a network. */
const negligible = 0.02;

/**
 * The settings around that of a model, which comes first: other orders of the channels, other normalisations, both at once,
 * rows and columns exchanged if images are square, and inverted pixels if they are grey. `preprocessing` is that of the
 * network, or null for a program, which normalises inside.
 */
export function inputSettings(
  preprocessing: Preprocessing | null,
  [height, width, channels]: readonly [height: number, width: number, channels: number],
): readonly InputSetting[] {
  const own: Normalisation = { name: 'as given', ...(preprocessing ?? { mean: [0], std: [1] }) };
  const others = (channels === 3 ? ofColours : channels === 1 ? ofGrey : []).filter(
    (other) => !isSame(own, other, channels),
  );
  const normalised = [own, ...others].map((other): InputSetting => ({
    name: other.name,
    fix:
      preprocessing === null
        ? `normalise with mean ${listed(other.mean)} and std ${listed(other.std)} in the program, which seems to expect it`
        : `set mean: ${listed(other.mean)} and std: ${listed(other.std)}`,
    apply: (pixels) => asIfNormalised(pixels, own, other, channels),
  }));
  const reversed = normalised.map(({ name, fix, apply }, index): InputSetting => ({
    name: index === 0 ? 'channels reversed' : `${name}, channels reversed`,
    fix: `${index === 0 ? '' : `${fix}, and `}set channels: to the other order, if the stage of the model has it (bgr: blue first), or give the images with the other order`,
    apply: (pixels) => withChannelsReversed(apply(pixels), own, channels),
  }));
  const rearranged = [
    ...(height === width ? [exchanged(height, channels)] : []),
    ...(channels === 1 ? [inverted] : []),
  ];
  return [...normalised, ...(channels === 3 ? reversed : []), ...rearranged];
}

/** The pixels whose normalisation by `own` are `pixels` normalised by `other`. */
function asIfNormalised(
  pixels: Float32Array,
  own: Normalisation,
  other: Normalisation,
  channels: number,
): Float32Array {
  if (own === other) return pixels;
  return pixels.map((value, at) => {
    const channel = at % channels;
    const seen = (value - of(other.mean, channel)) / of(other.std, channel);
    return of(own.mean, channel) + of(own.std, channel) * seen;
  });
}

/** The pixels whose normalisation by `own` is that of `pixels` with the channels in the other order. */
function withChannelsReversed(pixels: Float32Array, own: Normalisation, channels: number): Float32Array {
  return pixels.map((_, at) => {
    const channel = at % channels;
    const from = channels - 1 - channel;
    const seen = (pixels[at - channel + from]! - of(own.mean, from)) / of(own.std, from);
    return of(own.mean, channel) + of(own.std, channel) * seen;
  });
}

function exchanged(side: number, channels: number): InputSetting {
  return {
    name: 'rows and columns exchanged',
    fix: 'exchange height and width of the images in their file',
    apply: (pixels) =>
      pixels.map((_, at) => {
        const channel = at % channels;
        const place = (at - channel) / channels;
        const column = place % side;
        const row = ((place - column) / side) % side;
        const first = at - (row * side + column) * channels - channel;
        return pixels[first + (column * side + row) * channels + channel]!;
      }),
  };
}

const inverted: InputSetting = {
  name: 'black and white exchanged',
  fix: 'invert the images (1 − pixel), or set mean: and std: for inverted ones',
  apply: (pixels) => pixels.map((value) => 1 - value),
};

function isSame(own: Normalisation, other: Normalisation, channels: number): boolean {
  return Array.from({ length: channels }, (_, channel) => {
    const std = of(own.std, channel);
    return (
      Math.abs(of(own.mean, channel) - of(other.mean, channel)) < negligible * std &&
      Math.abs(std - of(other.std, channel)) < negligible * std
    );
  }).every(Boolean);
}

function of(values: readonly number[], channel: number): number {
  return values.length === 1 ? values[0]! : values[channel]!;
}

/** `[0.485, 0.456]`, with the 255 of usual scales left as a fraction. */
function listed(values: readonly number[]): string {
  return `[${values.map((value) => (value !== 0 && isOf255(value) ? `${Number((value * 255).toFixed(3))}/255` : String(value))).join(', ')}]`;
}

function isOf255(value: number): boolean {
  return value === 1 / 255 || [123.68, 116.779, 103.939].some((mean) => value === mean / 255);
}
