import { describe, expect, it } from 'vitest';
import { verifyValue } from '../../src/values/verify.ts';

const labelled = { labels: Int32Array.of(0, 1), ids: Int32Array.of(5, 6), classes: ['a', 'b'] };
const good = {
  images: {
    ...labelled,
    kind: 'images',
    pixels: Float32Array.of(0, 0.5, 1, 0.25),
    shape: [2, 1, 2, 1],
    views: 1,
    perturbation: {
      l2: Float32Array.of(0, 1),
      linf: Float32Array.of(0, 1),
      dissimilarity: Float32Array.of(0, Infinity),
      initial: Int32Array.of(0, 1),
    },
  },
  predictions: {
    ...labelled,
    kind: 'predictions',
    probabilities: Float32Array.of(0.5, 0.5, 0, 1),
    shape: [2, 2],
  },
  preparation: {
    kind: 'preparation',
    displacement: Int8Array.of(1, -1, 0, 0),
    shape: [2, 1, 2, 1],
    initial: Int32Array.of(0, 1),
    states: Uint8Array.of(0, 2),
    flat: Uint8Array.of(0, 1),
    ids: Int32Array.of(5, 6),
  },
  metrics: {
    kind: 'metrics',
    rows: [{ axes: { epoch: 1 }, values: { loss: 0.5, rate: null } }],
    warnings: [],
  },
  model: {
    kind: 'model',
    network: { architecture: 'linear', inputShape: [1, 1, 1], nodes: [], output: 'out', classes: 2 },
    weights: { 'out.weight': { shape: [1, 2], data: Float32Array.of(1, 2) } },
    preprocessing: { mean: [0], std: [1] },
  },
  transform: { kind: 'transform', steps: [{ name: 'blur', version: 1, params: { sigma: 1 } }], seed: [1, 2] },
  patches: {
    kind: 'patches',
    pixels: new Uint8Array(3),
    shape: [3, 1, 1, 1],
    mean: new Float32Array(1),
    basis: new Float32Array(1),
  },
  figure: { kind: 'figure', title: '', files: { md: Uint8Array.of(1) } },
} as const;
type Kind = keyof typeof good;

function verify(kind: Kind, change: object = {}): void {
  verifyValue({ ...good[kind], ...change }, kind, 'the value');
}

it.each(Object.keys(good) as Kind[])('%s as they should be are accepted', (kind) => {
  expect(() => verify(kind)).not.toThrow();
});

it('images of several views, bytes, and images without labels or classes are accepted', () => {
  const bytes = { pixels: new Uint8Array(8), shape: [4, 1, 2, 1], views: 2, classes: [] };
  expect(() => verify('images', { ...bytes, labels: Int32Array.of(-1, 70) })).not.toThrow();
});

const wrong: Readonly<Record<Kind, readonly (readonly [object, string])[]>> = {
  images: [
    [{ pixels: new Float64Array(4) }, 'the pixels of the value are a Float64Array'],
    [{ pixels: new Float32Array(3) }, 'the pixels of the value are 3 values, not 4 (2 × 1 × 2 × 1)'],
    [{ pixels: Float32Array.of(0, 0, 1.5, 0) }, 'hold 1.5 in image 1 (id 6)'],
    [{ pixels: Float32Array.of(0, NaN, 0, 0) }, 'hold NaN in image 0 (id 5)'],
    [{ shape: [4] }, 'the shape of the value is [4], not [rows, height, width, channels]'],
    [{ views: 2 }, 'has 2 rows, but there are 2 images with 2 views each'],
    [{ views: 0 }, 'the views of the value are 0'],
    [{ labels: Int32Array.of(0) }, 'the labels of the value are 1 values, not 2'],
    [{ labels: [0, 1] }, 'the labels of the value are a plain array, not an Int32Array'],
    [{ labels: Int32Array.of(0, 2) }, 'image 1 of the value has label 2, but there are only 2 classes'],
    [{ labels: Int32Array.of(0, -2) }, 'image 1 of the value has label -2'],
    [{ ids: Int32Array.of(5, 5) }, 'image 1 of the value has the id 5, which another image has too'],
    [{ ids: Int32Array.of(-5, 5) }, 'image 0 of the value has the id -5'],
    [{ classes: 'ab' }, 'the classes of the value are not a list of names'],
    [{ perturbation: { ...good.images.perturbation, l2: Float32Array.of(0, NaN) } }, 'perturbation.l2'],
    [{ perturbation: { ...good.images.perturbation, initial: new Int32Array(1) } }, 'perturbation.initial'],
  ],
  predictions: [
    [{ probabilities: Float32Array.of(5, -4, 0, 1) }, 'the probabilities of the value are not all in [0, 1]'],
    [
      { probabilities: Float32Array.of(0.5, 0.5, 1, 1) },
      'the probabilities of image 1 of the value add up to 2.000, not to 1',
    ],
    [{ probabilities: [1, 0, 0, 1] }, 'the probabilities of the value are a plain array'],
    [{ shape: [1, 4] }, 'the shape of the value has 1 rows for 2 images'],
  ],
  preparation: [
    [{ displacement: [1, 2, 3, 4] }, 'the displacements of the value are a plain array'],
    [{ displacement: Float32Array.of(0, NaN, 0, 0) }, 'hold NaN in image 0 (id 5)'],
    [
      { displacement: new Int8Array(3) },
      'the displacements of the value are 3 values, not 4 (2 × 1 × 2 × 1)',
    ],
    [{ shape: [3, 1, 2, 1] }, 'the shape of the value has 3 rows for 2 images'],
    [{ initial: new Int32Array(1) }, 'the initial of the value are 1 values, not 2'],
    [{ states: Uint8Array.of(0, 3) }, 'image 1 of the value has an unknown state'],
    [{ flat: new Int32Array(2) }, 'the flat of the value are an Int32Array'],
    [{ ids: Int32Array.of(5, 5) }, 'image 1 of the value has the id 5, which another image has too'],
  ],
  metrics: [
    [{ rows: [{ values: {} }] }, 'row 0 of the value has no axes'],
    [{ rows: [{ axes: {} }] }, 'row 0 of the value has no values'],
    [{ rows: {} }, 'the rows of the value are an object, not a list'],
    [{ rows: [{ axes: { a: NaN }, values: {} }] }, "the axis 'a' in row 0 of the value is NaN"],
    [
      { rows: [{ axes: {}, values: { x: NaN } }] },
      "'x' in row 0 of the value is NaN, not a finite number or null",
    ],
    [
      { rows: [{ axes: {}, values: { x: '0.3' } }] },
      "'x' in row 0 of the value is the text '0.3', not a finite number or null",
    ],
    [{ warnings: undefined }, 'the warnings of the value are undefined, not a list of texts'],
  ],
  model: [
    [{ network: undefined }, 'the value has no network'],
    [
      { weights: { w: { shape: [3], data: new Float32Array(2) } } },
      "the weights 'w' of the value have 2 values but shape [3]",
    ],
    [
      { weights: { w: { shape: [1], data: Float32Array.of(NaN) } } },
      "the weights 'w' of the value are not finite",
    ],
    [
      { weights: { w: { shape: [1], data: [1] } } },
      "the weights 'w' of the value are not { shape, data } with a Float32Array",
    ],
    [{ preprocessing: {} }, 'the value has no preprocessing'],
  ],
  transform: [
    [{ steps: undefined }, 'the steps of the value are undefined, not a list'],
    [{ steps: [{ params: {} }] }, 'step 0 of the value does not name a defense'],
    [
      { steps: [{ name: 'blur', params: { sigma: NaN } }] },
      'the params of step 0 of the value cannot be written as JSON',
    ],
    [{ seed: 3 }, 'the seed of the value is 3'],
  ],
  patches: [[{ basis: new Float32Array(2) }, 'the basis of the value are 2 values, not 1']],
  figure: [
    [{ files: { '.md': Uint8Array.of(1) } }, "'.md' in the value is not an extension"],
    [{ files: { md: 'text' } }, 'the .md file of the value is a text, not bytes'],
    [{ title: 3 }, 'the title of the value is a number'],
  ],
};

describe.each(Object.entries(wrong) as [Kind, (typeof wrong)[Kind]][])('%s', (kind, cases) => {
  it.each(cases.map(([change, message]) => [message, change] as const))(
    'are refused: %s',
    (message, change) => {
      expect(() => verify(kind, change)).toThrow(message);
    },
  );
});
