import { execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { readyBackends } from './tensors/backends.ts';

if (!readyBackends.includes('webgpu'))
  process.stderr.write('SKIPPED: the bundle for GPU machines, for the webgpu backend is not ready\n');

describe.skipIf(!readyBackends.includes('webgpu'))('the bundle for GPU machines', () => {
  it('runs from an empty folder with nothing of this machine, and its kernels agree', () => {
    const folder = mkdtempSync(join(tmpdir(), 'ravelin-bundle-'));
    onTestFinished(() => rmSync(folder, { recursive: true }));
    // It fails by itself if the archive has more than 60 MiB.
    execFileSync(process.execPath, ['scripts/bundle.mjs', join(folder, 'made', 'ravelin-gpu')]);
    const machine = join(folder, 'machine');
    mkdirSync(machine);
    execFileSync('tar', ['xzf', join(folder, 'made', 'ravelin-gpu.tar.gz'), '-C', machine]);
    rmSync(join(folder, 'made'), { recursive: true });
    // TensorFlow can be set up there if there are its wheel and a compiler.
    const wheels = join(folder, 'wheels');
    mkdirSync(wheels);
    const setUp = spawnSync(
      join(machine, 'ravelin-gpu', 'run'),
      ['--set-up-tensorflow', '--cpu', '--from', wheels],
      { cwd: '/', env: { PATH: '/usr/bin:/bin' }, encoding: 'utf8' },
    );
    expect(setUp.stderr).toMatch(/contains no wheel of TensorFlow\n {4}fix: |found no C\+\+ compiler/);
    const parameters = ['--software', '--sides', 'backend', '--parts', 'kernels'];
    execFileSync(join(machine, 'ravelin-gpu', 'run'), parameters, {
      cwd: '/',
      env: { PATH: '/usr/bin:/bin' },
      stdio: 'pipe',
    });
    const rows = readFileSync(join(machine, 'ravelin-gpu', 'result.jsonl'), 'utf8')
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as { readonly what: string; readonly note?: string });
    const searches = rows.filter(({ what }) => what.startsWith('search') && what.endsWith('webgpu'));
    expect(searches.map(({ note }) => /\d+ distances and \d+ patches differ/.exec(note!)?.[0])).toEqual([
      '0 distances and 0 patches differ',
      '0 distances and 0 patches differ',
    ]);
  });
});
