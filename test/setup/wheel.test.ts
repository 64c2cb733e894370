import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { SetupError } from '../../src/setup/errors.ts';
import { unpackWheel } from '../../src/setup/wheel.ts';
import { wheelBytes } from './zip-fixture.ts';

const files = {
  'tensorflow/libtensorflow_cc.so.2': 'library '.repeat(1000),
  'tensorflow/libtensorflow_framework.so.2': 'framework',
  'tensorflow/include/tensorflow/c/c_api.h': '// header',
  'tensorflow/include/tensorflow/c/empty.h': '',
  'tensorflow/python/pywrap.so': 'not needed',
};

let folder = '';
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'ravelin-wheel-'));
});
afterEach(() => {
  rmSync(folder, { recursive: true });
});

describe('unpackWheel', () => {
  it('takes the libraries and headers, keeps the layout and leaves the rest', async () => {
    await unpack(wheelBytes(files));
    for (const [name, text] of Object.entries(files)) {
      const target = join(folder, 'out', name);
      if (name.includes('python')) expect(existsSync(target)).toBe(false);
      else expect(readFileSync(target, 'utf8')).toBe(text);
    }
  });

  it('notices every changed byte of a library', async () => {
    // Stored, not deflated: nothing but the hash can notice.
    const bytes = Buffer.from(wheelBytes(files));
    bytes[bytes.indexOf('framework', bytes.indexOf('framework.so.2') + 14)]! ^= 1;
    await expect(unpack(bytes)).rejects.toThrow(
      /is damaged: the SHA-256 of tensorflow\/libtensorflow_framework/,
    );
  });

  it.each([0.2, 0.5, 0.9, 0.999])('refuses one that was cut short to %d of its length', async (part) => {
    const bytes = wheelBytes(files);
    await expect(unpack(bytes.subarray(0, Math.floor(bytes.length * part)))).rejects.toThrow(/is damaged/);
  });

  it('refuses another version and another package, by name', async () => {
    await expect(unpack(wheelBytes(files, 'tensorflow_cpu-2.20.0'))).rejects.toThrow(
      /it contains tensorflow_cpu-2\.20\.0/,
    );
    await expect(unpack(wheelBytes(files, 'numpy-2.0.0'))).rejects.toThrow(SetupError);
    await expect(unpack(wheelBytes({ 'tensorflow/a': 'b' }))).rejects.toThrow(
      /does not contain libtensorflow_cc/,
    );
  });

  it('never writes outside its folder', async () => {
    const wheel = wheelBytes({ ...files, 'tensorflow/include/tsl/../../../../escaped': 'x' });
    await expect(unpack(wheel)).rejects.toThrow(/leads outside/);
    expect(existsSync(join(folder, 'escaped'))).toBe(false);
  });

  it('says that a file is not there', async () => {
    await expect(unpackWheel(join(folder, 'none.whl'), folder, '2.21.0')).rejects.toThrow(
      /none.whl does not exist/,
    );
  });
});

async function unpack(bytes: Uint8Array): Promise<void> {
  const file = join(folder, 'a.whl');
  writeFileSync(file, bytes);
  await unpackWheel(file, join(folder, 'out'), '2.21.0');
}
