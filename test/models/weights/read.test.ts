import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { WeightsError } from '../../../src/models/weights/errors.ts';
import { readPickle } from '../../../src/models/weights/pickle.ts';
import { readWeightFile } from '../../../src/models/weights/read.ts';
import { encodeSafetensors } from '../../../src/values/safetensors.ts';

/** Written by test/reference/weight_files.py with torch 2.13.0. */
const file = (name: string): Buffer =>
  readFileSync(new URL(`../../reference/weight-files/${name}`, import.meta.url));
const grid = Array.from({ length: 24 }, (_, index) => index);

describe('readWeightFile', () => {
  it.each(['zip.pth', 'legacy.pth', 'nested.pth'])(
    'reads the tensors of %s, of any type and stride',
    (name) => {
      const { tensors, layout } = readWeightFile(file(name));
      const values = (tensor: string): number[] => [...tensors.get(tensor)!.read()];
      expect(layout).toBe('torch');
      expect(tensors.get('float32')!.shape).toEqual([2, 3, 4]);
      expect(values('float32')).toEqual(grid.map((value) => value / 8));
      expect(tensors.get('transposed')!.shape).toEqual([4, 2, 3]);
      expect(values('transposed')).toEqual(
        [0, 1, 2, 3].flatMap((c) => [0, 1].flatMap((a) => [0, 1, 2].map((b) => grid[(a * 3 + b) * 4 + c]!))),
      );
      expect(values('part')).toEqual([16, 18, 20, 22]);
      expect(values('float64')).toEqual([Math.fround(0.1), Math.fround(-2.5e30)]);
      expect(values('float16')).toEqual([0.0999755859375, -65504, 2 ** -24, Infinity]);
      expect(values('bfloat16')[0]).toBe(0.10009765625);
      expect(values('bfloat16')[1]! / -3e38).toBeCloseTo(1, 2);
      expect(values('bfloat16')[2]).toBe(2 ** -133);
      expect(tensors.get('int64')!.shape).toEqual([]);
      expect(values('int64')).toEqual([2 ** 40]);
      expect(values('parameter')).toEqual([1.5]);
      expect(values('empty')).toEqual([]);
      expect(tensors.size).toBe(9);
    },
  );

  it('says what a whole network of torch.export is, under the name of weights', () => {
    const folder = new URL('../../reference/torch-export-files/', import.meta.url);
    const exported = readdirSync(folder).find((name) => name.endsWith('.pt2'))!;
    expect(() => readWeightFile(readFileSync(new URL(exported, folder)))).toThrow(
      new WeightsError(
        'the file is a whole network of torch.export',
        'name it .pt2, and read it with model/torch-export',
      ),
    );
  });

  it.each(['evil.pth', 'evil-legacy.pth'])(
    'refuses %s, which would run a command, and runs nothing',
    (name) => {
      expect(refusalOf(file(name)).message).toBe(
        "the pickle refers to 'posix.system': only tensors are read, and no code is run",
      );
      expect(existsSync('/tmp/ravelin-was-here')).toBe(false);
    },
  );

  it('fails with a message, and nothing else, on files cut off or changed at any byte', () => {
    for (const name of ['zip.pth', 'legacy.pth']) {
      const whole = file(name);
      const attempt = (bytes: Uint8Array): void => {
        try {
          for (const tensor of readWeightFile(bytes).tensors.values()) tensor.read();
        } catch (error) {
          expect(error).toBeInstanceOf(WeightsError);
        }
      };
      for (let end = 0; end < whole.length; end += 7) attempt(whole.subarray(0, end));
      for (let at = 0; at < whole.length; at += 3) {
        const changed = new Uint8Array(whole);
        changed[at] = changed[at]! ^ 0x5a;
        attempt(changed);
      }
    }
  });

  it('reads safetensors of any type, and knows its own layout', () => {
    const one = { weight: { dtype: 'F32', shape: [2], data: Float32Array.of(1, 2) } } as const;
    expect(readWeightFile(encodeSafetensors(one)).layout).toBe('torch');
    expect(readWeightFile(encodeSafetensors(one, { kind: 'model' })).layout).toBe('ravelin');
    const header = '{"h":{"dtype":"F16","shape":[2],"data_offsets":[0,4]}}';
    const bytes = Buffer.concat([Buffer.from([header.length, 0, 0, 0, 0, 0, 0, 0]), Buffer.from(header), Buffer.from([0, 0x3c, 0, 0xc0])]); // prettier-ignore
    expect([...readWeightFile(bytes).tensors.get('h')!.read()]).toEqual([1, -2]);
    expect(() => readWeightFile(bytes.subarray(0, bytes.length - 1))).toThrow(WeightsError);
    expect(() => readWeightFile(Buffer.from('nonsense, at length'))).toThrow(WeightsError);
  });
});

describe('a checkpoint of a training script', () => {
  const checkpoint = (name: string): Buffer => file(`checkpoints/${name}.pth`);

  it.each(['compiled', 'lightning', 'both', 'averaged', 'deep', 'params'])(
    'is read without its wrappers: %s',
    (name) => {
      const { tensors } = readWeightFile(checkpoint(name));
      expect([...tensors].map(([own, { read }]) => [own, ...read()])).toEqual([
        ['fc.weight', 1, 2],
        ['fc.bias', 3],
      ]);
    },
  );

  const alone = "save the weights alone: torch.save(model.state_dict(), 'weights.pth')";
  const tensorsAlone = "save the tensors alone: torch.save(model.state_dict(), 'weights.pth'), or torch.save(checkpoint['state_dict'], 'weights.pth') of a checkpoint that holds more"; // prettier-ignore
  it.each([
    [
      'two',
      "the file holds no tensors at its top, but several maps of them: 'student' with 2, 'teacher' with 2",
      "save one map alone: torch.save(checkpoint['student'], 'weights.pth')",
    ],
    ['none', "the file holds no tensors, only 'epoch', 'accuracy'", alone],
    ['tensor', 'the file holds a single tensor instead of a dictionary of tensors', alone],
    ['whole', "the pickle refers to 'torch.nn.modules.linear.Linear': only tensors are read, and no code is run", `${tensorsAlone}; a network whose architecture ravelin does not have is exported: torch.export.save, and model/torch-export`], // prettier-ignore
    ['arguments', "the pickle refers to 'argparse.Namespace': only tensors are read, and no code is run", tensorsAlone], // prettier-ignore
    ['sparse', "the pickle refers to 'torch._utils._rebuild_sparse_tensor': only tensors are read, and no code is run", "save dense tensors: call '.to_dense()' on those that are sparse"], // prettier-ignore
  ])('says what it holds and how to save it: %s', (name, message, fix) => {
    const error = refusalOf(checkpoint(name));
    expect(error.message).toBe(message);
    expect(error.fix).toBe(fix);
  });
});

describe('a file of another kind', () => {
  it.each([
    [
      '\x93NUMPY\x01\0v\0{}',
      'the file is a NumPy array (.npy); a safetensors file or one of torch.save is needed',
    ],
    [
      '\x89HDF\r\n\x1a\n\0\0',
      'the file is an HDF5 file (.h5); a safetensors file or one of torch.save is needed',
    ],
    ['version https://git-lfs.github.com/spec/v1', 'the file is a pointer of Git LFS and not the file itself; a safetensors file or one of torch.save is needed'], // prettier-ignore
  ])('is named: %j', (content, message) => {
    expect(refusalOf(Buffer.from(content, 'latin1')).message).toBe(message);
  });

  it('that is a program of TorchScript says how to export the network', () => {
    const name = Buffer.from('mine/code/__torch__.py');
    const directory = Buffer.alloc(46);
    directory.writeUInt32LE(0x02014b50, 0);
    directory.writeUInt16LE(8, 10); // compressed
    directory.writeUInt16LE(name.length, 28);
    const end = Buffer.alloc(22);
    end.writeUInt32LE(0x06054b50, 0);
    end.writeUInt16LE(1, 10);
    end.writeUInt32LE(4, 16); // where the directory begins
    const error = refusalOf(Buffer.concat([Buffer.from('PK\x03\x04', 'latin1'), directory, name, end]));
    expect(error.message).toBe('the file is a program of TorchScript (torch.jit), whose code is not run');
    expect(error.fix).toContain('torch.export.save');
  });

  it('that is safetensors of 8-bit floats says how to save it', () => {
    const header = '{"h":{"dtype":"F8_E4M3","shape":[2],"data_offsets":[0,2]}}';
    const bytes = Buffer.concat([Buffer.from([header.length, 0, 0, 0, 0, 0, 0, 0]), Buffer.from(header), Buffer.alloc(2)]); // prettier-ignore
    expect(refusalOf(bytes)).toMatchObject({
      message: "tensor 'h' has the type F8_E4M3, which is not read",
      fix: "save it as float32, which is 'tensor.float()' in PyTorch",
    });
  });
});

function refusalOf(bytes: Uint8Array): WeightsError {
  try {
    readWeightFile(bytes);
  } catch (error) {
    if (error instanceof WeightsError) return error;
    throw error;
  }
  throw new Error('it was read');
}

describe('readPickle', () => {
  it('reads plain values of the older opcodes', () => {
    const hooks = { allows: () => false, call: () => null, persistent: () => null };
    // pickle.dumps((1, -2, 300, 1 << 40, 0.5, 'é', [True, None], {'a': ()}), protocol=2)
    const dumped = Buffer.from('8002284b014afeffffff4d2c018a06000000000001473fe00000000000005802000000c3a971005d71012888 4e657d71025801000000617103297374710 42e'.replaceAll(' ', ''), 'hex'); // prettier-ignore
    expect(readPickle(dumped, hooks).value).toEqual([
      1,
      -2,
      300,
      2 ** 40,
      0.5,
      'é',
      [true, null],
      new Map([['a', []]]),
    ]);
  });
});
