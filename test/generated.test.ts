import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';

const read = (path: string): string => readFileSync(path, 'utf8');
const ravelin = (...parameters: readonly string[]): string =>
  execFileSync(process.execPath, ['dist/cli.js', ...parameters], { encoding: 'utf8', maxBuffer: 1 << 26 });

describe('the generated files', () => {
  it.each([
    ['schemas/pipeline.schema.json', ['schema']],
    ['schemas/network.schema.json', ['schema', '--of', 'network']],
    ['docs/stages.md', ['stages', '--markdown']],
    ['docs/errors.md', ['explain', '--markdown']],
    ['man/ravelin.1', ['manual']],
  ])('%s is what the built command line prints: npm run generate writes it', (path, command) => {
    expect(read(path)).toBe(ravelin(...command));
  });

  const foldersIn = (room: string): string[][] =>
    readdirSync(room, { withFileTypes: true }).flatMap((entry) =>
      entry.isDirectory() ? [[room, entry.name]] : [],
    );
  const kernels = foldersIn('src/kernels');
  it.each(kernels)('%s/%s has sources, their module and the form that opens it', (room, name) => {
    const files = readdirSync(`${room}/${name}`);
    expect(files).toEqual(expect.arrayContaining([`${name}.as.ts`, `${name}.wasm.ts`, 'wasm.ts']));
  });
  it.each([...kernels, ...foldersIn('src/tensors/wasm')])(
    '%s/%s: the module is of the sources beside it',
    (room, name) => {
      const sources = readdirSync(`${room}/${name}`).filter((file) => file.endsWith('.as.ts'));
      const text = sources.sort().map((file) => read(`${room}/${name}/${file}`));
      const digest = createHash('sha256').update(text.join('')).digest('hex').slice(0, 16);
      expect(read(`${room}/${name}/${name}.wasm.ts`).split('\n')[0]).toContain(`(${digest})`);
    },
  );
});

it('the built command line prints its version', () => {
  const { version } = JSON.parse(read('package.json')) as { version: string };
  expect(ravelin('--version').trim()).toBe(version);
});
