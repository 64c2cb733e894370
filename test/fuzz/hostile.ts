/** Files made by hand to cost much more than they weigh, by the reader that they are for. Each broke a promise once, or is where one would break. */
import { crc32, deflateSync } from 'node:zlib';
import { packModel } from './graph-model.ts';
import { joined } from './mutate.ts';

export const hostileFiles: Readonly<Record<string, Readonly<Record<string, () => Uint8Array>>>> = {
  yaml: {
    'a long text in each of 90,000 cells': () => {
      const list = `[${Array.from({ length: 300 }, (_, index) => index).join(', ')}]`;
      const text = 'x'.repeat(500_000);
      return Buffer.from(
        `ravelin: 1\nstages:\n  a: { uses: dataset/safetensors, with: { path: "$(axes.a)$(axes.b)${text}" }, matrix: { a: ${list}, b: ${list} } }\n`,
      );
    },
    'a long list in each of 90,000 cells': () => {
      const list = `[${Array.from({ length: 300 }, (_, index) => index).join(', ')}]`;
      return Buffer.from(
        `ravelin: 1\nstages:\n  a: { uses: dataset/safetensors, with: { path: x, classes: [${'a,'.repeat(20_000)}] }, matrix: { a: ${list}, b: ${list} } }\n`,
      );
    },
    'a long label many times in a text': () =>
      Buffer.from(
        `ravelin: 1\nstages:\n  a: { uses: dataset/mnist, with: { path: "${'$(axes.a)'.repeat(50_000)}" }, matrix: { a: [${'x'.repeat(400_000)}] } }\n`,
      ),
    'a long parameter in twenty thousand texts': () =>
      Buffer.from(
        `ravelin: 1\nparams: { p: ${'x'.repeat(500_000)} }\nstages: { a: { uses: dataset/safetensors, with: { path: x, classes: [${'a$(params.p)b,'.repeat(20_000)}] } } }\n`,
      ),
    'blanks after every one of 60 nested lists': () =>
      Buffer.from(
        `ravelin: 1\na:\n${Array.from({ length: 60 }, (_, depth) => `${' '.repeat(depth)}- \n`).join('')}${' '.repeat(900_000)}`,
      ),
    'a hundred thousand references in one text': () =>
      Buffer.from(
        `ravelin: 1\nparams: { p: 1 }\nstages: { a: { uses: dataset/mnist, with: { path: "${'$(params.p)'.repeat(90_000)}" } } }\n`,
      ),
    'a million brackets': () => Buffer.from('{'.repeat(1_000_000)),
    'closing brackets alone': () => Buffer.from(`ravelin: 1\n${']'.repeat(1_000_000)}`),
    'a value after each list': () => Buffer.from('a: [b] c\n'.repeat(110_000)),
    'characters that begin nothing': () => Buffer.from(`ravelin: 1\n${'@\n'.repeat(500_000)}`),
    'anchors alone': () => Buffer.from(`ravelin: 1\n${'&a '.repeat(340_000)}`),
    'a text and empty lines': () => Buffer.from(`a${'\n'.repeat(1_000_000)}`),
    'twenty thousand wrong keys': () =>
      Buffer.from(`ravelin: 1\n${many(20_000, (index) => `k${index}: b\n`)}`),
    'keys without a value': () => Buffer.from(`ravelin: 1\n${many(45_000, (index) => `k${index}:\n`)}`),
    'misspelt stages among many of long names': () =>
      Buffer.from(
        `ravelin: 1\nstages:\n${many(2000, (index) => `  ${'x'.repeat(50)}${index}: { uses: dataset/mnist, in: { images: y${'x'.repeat(49)}${index} } }\n`)}`,
      ),
    'a chain of ten thousand templates': () =>
      Buffer.from(
        `ravelin: 1\ntemplates:\n  t0: { with: { limit: 1 } }\n${many(10_000, (index) => `  t${index + 1}: { extends: t${index} }\n`)}stages: { a: { uses: dataset/mnist, extends: t10000 } }\n`,
      ),
    'templates that all extend all': () =>
      Buffer.from(
        `ravelin: 1\ntemplates:\n${many(14, (index) => `  t${index}: { extends: [${many(14, (other) => `t${other},`)}] }\n`)}stages: { a: { uses: dataset/mnist, extends: t0 } }\n`,
      ),
    'a circle in which each template extends the next two': () =>
      Buffer.from(
        `ravelin: 1\ntemplates:\n${many(60, (index) => `  t${index}: { extends: [t${(index + 1) % 60}, t${(index + 2) % 60}] }\n`)}stages: { a: { uses: dataset/mnist, extends: t0 } }\n`,
      ),
    'a large template in each of five thousand stages': () =>
      Buffer.from(
        `ravelin: 1\ntemplates: { t: { with: { ${many(5000, (index) => `k${index}: 1, `)} } } }\nstages:\n${many(5000, (index) => `  a${index}: { uses: dataset/mnist, extends: t, with: { own: 1 } }\n`)}`,
      ),
    'a long list put in three thousand times': () =>
      Buffer.from(
        `ravelin: 1\nparams: { a: [${many(30_000, (index) => `${index},`)}] }\nstages: { a: { uses: dataset/safetensors, with: { path: x, classes: [${'$(params.a),'.repeat(3000)}] } } }\n`,
      ),
    'a thousand axes in 90,000 cells': () =>
      Buffer.from(
        `ravelin: 1\nstages: { a: { uses: dataset/mnist, with: { path: x }, matrix: { ${many(1000, (index) => `a${index}: [1], `)} y: [${many(300, (index) => `${index},`)}], z: [${many(300, (index) => `${index},`)}] } } }\n`,
      ),
    'ten thousand exclusions of twenty thousand cells': () =>
      Buffer.from(
        `ravelin: 1\nstages: { a: { uses: dataset/mnist, with: { path: x }, matrix: { a: [${many(20_000, (index) => `${index},`)}], exclude: [${many(10_000, (index) => `{ a: ${index} },`)}] } } }\n`,
      ),
    'defaults for a pattern of many stars': () =>
      Buffer.from(
        `ravelin: 1\ndefaults: { "${'*'.repeat(30)}/${'*'.repeat(30)}x": { with: { limit: 1 } } }\nstages: { a: { uses: dataset/mnist, with: { path: x } } }\n`,
      ),
    'templates that extend each other twice': () =>
      Buffer.from(
        `ravelin: 1\ntemplates:\n  t0: { with: { limit: 1 } }\n${Array.from({ length: 40 }, (_, level) => `  t${level + 1}: { extends: [t${level}, t${level}] }\n`).join('')}stages: { a: { uses: dataset/mnist, extends: t40 } }\n`,
      ),
  },
  safetensors: {
    'a thousand tensors of the same bytes': () => {
      const data = new Uint8Array(1_000_000);
      const entry = { dtype: 'U8', shape: [data.length], data_offsets: [0, data.length] };
      return safetensors(
        JSON.stringify(Object.fromEntries(Array.from({ length: 1000 }, (_, index) => [`t${index}`, entry]))),
        data,
      );
    },
    'a header of seven megabytes of brackets': () => safetensors('['.repeat(7_900_000)),
    'a header of three million numbers': () => safetensors(`{"a":[${'0,'.repeat(3_000_000)}0]}`),
    'a header of ninety megabytes': () => safetensors(`{"a":[${'[],'.repeat(30_000_000)}0]}`),
  },
  'weight-files': {
    'an integer of a million bytes': () =>
      Buffer.concat([
        Buffer.of(0x80, 2, 0x8b, 0x40, 0x42, 0x0f, 0),
        Buffer.alloc(1_000_000, 7),
        Buffer.from('.'),
      ]),
    'a million nested lists': () =>
      Buffer.concat([
        Buffer.of(0x80, 2),
        Buffer.alloc(1_000_000, ']'),
        Buffer.alloc(999_999, 'a'),
        Buffer.from('.'),
      ]),
  },
  pickle: {
    'a dictionary of no pairs': () =>
      Buffer.from('\x80\x02ccollections\nOrderedDict\n(](NNe\x85R.', 'latin1'),
  },
  'layers-model': {
    'ten thousand layers in reverse': () => {
      const layers = Array.from({ length: 10_000 }, (_, index) => ({
        class_name: 'Activation',
        name: `l${index}`,
        config: { activation: 'linear' },
        inbound_nodes: [[[index === 9999 ? 'i' : `l${index + 1}`, 0, 0]]],
      }));
      const input = {
        class_name: 'InputLayer',
        name: 'i',
        config: { batch_input_shape: [null, 8, 8, 3] },
        inbound_nodes: [],
      };
      return Buffer.from(
        JSON.stringify({
          modelTopology: {
            class_name: 'Model',
            config: { layers: [...layers, input], output_layers: [['l0', 0, 0]] },
          },
        }),
      );
    },
  },
  'graph-model': {
    'identities in a circle before the output': () =>
      graphModel([
        { name: 'i', op: 'Identity', input: ['j'] },
        { name: 'j', op: 'Identity', input: ['i'] },
        { name: 'output', op: 'Softmax', input: ['i'] },
      ]),
    'a hundred thousand readers of one node': () =>
      graphModel(
        Array.from({ length: 100_000 }, (_, index) => ({
          name: index === 0 ? 'output' : `n${index}`,
          op: 'AddV2',
          input: ['x', index === 99_999 ? 'x' : `n${index + 1}`],
        })),
      ),
  },
  images: {
    'a PNG of 900 million pixels': () => greyPng(30_000, 30_000),
    'a PNG of 16 million pixels': () => greyPng(4000, 4000),
    'an SVG that shows another file': () =>
      Buffer.from(
        '<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"><image href="file:///etc/passwd" width="9" height="9"/></svg>',
      ),
  },
};

function many(count: number, text: (index: number) => string): string {
  return Array.from({ length: count }, (_, index) => text(index)).join('');
}

function safetensors(header: string, data = new Uint8Array(0)): Uint8Array {
  const text = Buffer.from(header);
  const length = new Uint8Array(8);
  new DataView(length.buffer).setBigUint64(0, BigInt(text.length), true);
  return joined(length, text, data);
}

function graphModel(nodes: readonly object[]): Uint8Array {
  const extents = ['-1', '8', '8', '3'].map((size) => ({ size }));
  const input = { name: 'x', op: 'Placeholder', attr: { shape: { shape: { dim: extents } } } };
  return packModel({ modelTopology: { node: [input, ...nodes] }, weightsManifest: [] }, new Uint8Array(0));
}

/** A black image: a thousandth of its pixels in bytes. */
function greyPng(width: number, height: number): Uint8Array {
  const chunk = (kind: string, data: Uint8Array): Uint8Array => {
    const bytes = joined(new Uint8Array(4), Buffer.from(kind), data, new Uint8Array(4));
    const view = new DataView(bytes.buffer);
    view.setUint32(0, data.length);
    view.setUint32(8 + data.length, crc32(bytes.subarray(4, 8 + data.length)));
    return bytes;
  };
  const header = new Uint8Array(13);
  new DataView(header.buffer).setUint32(0, width);
  new DataView(header.buffer).setUint32(4, height);
  header.set([8, 0], 8);
  // What is announced alone counts: the rows beyond the first 4000 are missing.
  const rows = deflateSync(new Uint8Array((width + 1) * Math.min(height, 4000)));
  return joined(
    Uint8Array.of(0x89, 0x50, 0x4e, 0x47, 13, 10, 26, 10),
    chunk('IHDR', header),
    chunk('IDAT', rows),
    chunk('IEND', new Uint8Array(0)),
  );
}
