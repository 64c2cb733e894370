import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { bringPackage, npmError, unpackPackage } from '../../src/setup/npm-package.ts';
import { readTar } from '../../src/setup/tar.ts';
import { dawnPackage } from '../../src/setup/webgpu.ts';
import { dawnVersion } from '../../src/setup/locations.ts';

let folder = '';
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'ravelin-npm-'));
});
afterEach(() => {
  vi.unstubAllEnvs();
  rmSync(folder, { recursive: true });
});

/** Packs a package of two files, one of them with a long path, as npm does, and returns its pin. */
function pack(): { name: string; version: string; sha512: string } {
  const source = join(folder, 'source');
  const deep = 'd'.repeat(60);
  mkdirSync(join(source, deep, deep), { recursive: true });
  writeFileSync(
    join(source, 'package.json'),
    JSON.stringify({
      name: 'packed',
      version: '1.2.3',
      scripts: { prepack: 'touch ran', install: 'touch ran' },
    }),
  );
  writeFileSync(join(source, deep, deep, 'long.txt'), 'long');
  writeFileSync(join(source, 'index.js'), 'x'.repeat(513));
  execFileSync('npm', ['pack', '--ignore-scripts', '--silent', '--pack-destination', folder], {
    cwd: source,
  });
  const bytes = readFileSync(join(folder, 'packed-1.2.3.tgz'));
  return {
    name: 'packed',
    version: '1.2.3',
    sha512: createHash('sha512').update(bytes).digest('base64'),
  };
}

describe('a pinned package', () => {
  it('is unpacked from a folder, the wanted files only', async () => {
    const tarball = await bringPackage(pack(), folder, folder);
    const target = join(folder, 'target');
    await unpackPackage(tarball, target, (path) => path !== 'package.json');
    expect(readFileSync(join(target, 'index.js'), 'utf8')).toBe('x'.repeat(513));
    const deep = 'd'.repeat(60);
    expect(readFileSync(join(target, deep, deep, 'long.txt'), 'utf8')).toBe('long');
    expect(readdirSync(target).sort()).toEqual([deep, 'index.js']);
  });

  it('is refused if a byte is another, and named if it is not there', async () => {
    const pinned = pack();
    await expect(bringPackage({ ...pinned, version: '1.2.4' }, folder, folder)).rejects.toThrow(
      `${folder} contains no packed-1.2.4.tgz`,
    );
    const path = join(folder, 'packed-1.2.3.tgz');
    const bytes = readFileSync(path);
    bytes[bytes.length - 1]! ^= 1;
    writeFileSync(path, bytes);
    await expect(bringPackage(pinned, folder, folder)).rejects.toThrow(
      /is not the package that was published/,
    );
  });

  it('needs npm, whose errors have a way out', async () => {
    const pinned = pack();
    vi.stubEnv('PATH', folder);
    await expect(bringPackage(pinned, null, folder)).rejects.toThrow('found no npm, which downloads packed');
    for (const [output, message] of [
      ['npm error code ENOTFOUND', 'npm cannot reach its registry'],
      ['npm error code ENOSPC', 'the disk is full'],
      ['npm error code EINTEGRITY', 'npm refused what it downloaded'],
      ['npm error code E404', 'npm failed: npm error code E404'],
    ] as const) {
      const error = npmError(output, false, pinned);
      expect(error.message).toContain(message);
      expect(error.fix).not.toBe('');
    }
    expect(npmError('ENOTFOUND', false, pinned).fix).toContain('npm pack packed@1.2.3 --ignore-scripts');
  });
});

it('a damaged tar archive is refused', () => {
  const header = Buffer.alloc(1024);
  header.write('name', 0);
  header.write('00000000010', 124);
  expect(() => readTar(header)).toThrow('a header of the tar archive is damaged');
  expect(readTar(new Uint8Array(1024))).toEqual([]);
});

it('the pinned Dawn is the one of the lock file', () => {
  const lock = JSON.parse(readFileSync(join(import.meta.dirname, '../../package-lock.json'), 'utf8')) as {
    packages: Record<string, { version: string; integrity: string }>;
  };
  const { version, integrity } = lock.packages['node_modules/webgpu']!;
  expect(version).toBe(dawnVersion);
  expect(integrity).toBe(`sha512-${dawnPackage.sha512}`);
});
