import type { Metadata } from 'sharp';

/** Why a file is not read, or not read as it is, and what to do. */
export interface KindProblem {
  /** Predicate of a sentence about the file: `is CMYK, but RGB is needed`. */
  readonly problem: string;
  readonly fix: string;
}

/**
 * The kinds of samples that are read, by libvips' name of their type, with the colour spaces and the largest
 * number of channels that each may have. Everything else is refused: libvips takes float samples for linear
 * light of one range or another, and clips signed and long integers.
 */
const readable: Readonly<Record<string, Readonly<Record<string, number>>>> = {
  uchar: { srgb: 4, 'b-w': 2, cmyk: 4 },
  ushort: { rgb16: 4, grey16: 2 },
};

/** The types that are refused, with their width in memory; the file may have fewer bits. */
const refusedTypes: Readonly<Record<string, readonly [bits: number, name: string]>> = {
  char: [8, 'signed integer'],
  short: [16, 'signed integer'],
  int: [32, 'signed integer'],
  uint: [32, 'integer'],
  float: [32, 'float'],
  double: [64, 'float'],
  complex: [64, 'complex'],
  dpcomplex: [128, 'complex'],
};

/** Returns why no parameter makes the file readable, or null. */
export function unreadableKind(metadata: Metadata): KindProblem | null {
  const { depth, space, channels, bitsPerSample } = metadata;
  const spaces = readable[depth];
  if (spaces === undefined) {
    const [bits, type] = refusedTypes[depth] ?? ['unknown', depth];
    return {
      problem: `has ${bitsPerSample ?? bits}-bit ${type} samples, but only 8-bit and 16-bit unsigned samples are read`,
      fix: 'save 8-bit images, or use dataset/safetensors',
    };
  }
  const mostChannels = spaces[space];
  const bits = depth === 'ushort' ? '16' : '8';
  if (mostChannels === undefined) {
    return {
      problem: `has the colour space ${space} with ${bits}-bit samples, which is not read`,
      fix: 'save the image as 8-bit RGB or grey',
    };
  }
  if (channels <= mostChannels) return null;
  return {
    problem: `has ${channels} channels`,
    fix: 'save the image as RGB or grey, or use dataset/safetensors',
  };
}

/** Returns why the file has to be converted before it has the channels that are wanted, or null. */
export function unlikeWanted(metadata: Metadata, wanted: 'rgb' | 'grey'): KindProblem | null {
  const needed = wanted === 'rgb' ? 'RGB' : 'grey';
  if (metadata.depth === 'ushort') {
    return {
      problem: 'has 16-bit samples, but 8-bit samples are needed',
      fix: 'save 8-bit images, or set convert: true, which keeps the upper 8 bits',
    };
  }
  const kind = otherKind(metadata, wanted);
  if (kind === null) return null;
  const asGrey = wanted === 'rgb' && metadata.channels === 1;
  return {
    problem: `${kind}, but ${needed} is needed`,
    fix: `convert the file, or set convert: true${asGrey ? ', or channels: grey' : ''}`,
  };
}

function otherKind({ hasAlpha, space, channels }: Metadata, wanted: 'rgb' | 'grey'): string | null {
  if (hasAlpha) return 'has an alpha channel';
  if (space === 'cmyk') return 'is CMYK';
  const grey = channels === 1;
  if (wanted === 'rgb' && grey) return 'is a grey image (1 channel)';
  if (wanted === 'grey' && !grey) return `is a colour image (${channels} channels)`;
  return null;
}
