import { mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { execa } from 'execa';
import { beforeAll, describe, expect, it } from 'vitest';
import { cellFileNames } from '../../src/cli/cell-file-names.ts';
import { commandLine, createProject } from './ravelin.ts';

const labels = ['é', 'à', 'a/b', 'a_b', 'A/B', 'plain'];
const pipeline = `ravelin: 1
name: p
stages:
  c:
    uses: debug/constant
    matrix: { l: { ${labels.map((label, index) => `"${label}": { with: { value: ${index} } }`).join(', ')} } }
  one: { uses: debug/constant, with: { value: 7 } }
`;

interface Exported {
  readonly rows: readonly { readonly values: { readonly value: number } }[];
}

describe('export', () => {
  const project = createProject({ 'p.yaml': pipeline });
  beforeAll(async () => {
    expect(await project.run('run', 'p.yaml')).toMatchObject({ code: 0 });
  });

  it('gives each cell a file of its own, whatever its labels are', async () => {
    expect(await project.run('export', 'p.yaml', 'c', '--to', 'all')).toMatchObject({ code: 0 });
    const names = readdirSync(project.path('all'));
    const values = names.map((name) => {
      const { rows } = JSON.parse(readFileSync(project.path(`all/${name}`), 'utf8')) as Exported;
      return rows[0]!.values.value;
    });
    expect(values.toSorted((a, b) => a - b)).toEqual([0, 1, 2, 3, 4, 5]);
    expect(names).toContain('c[l=plain].metrics.json');
  });

  it('names the file of a cell alike, whether it is exported alone or with others', async () => {
    expect(await project.run('export', 'p.yaml', 'c[l=a_b]', '--to', 'single')).toMatchObject({ code: 0 });
    expect(readdirSync(project.path('all'))).toEqual(
      expect.arrayContaining(readdirSync(project.path('single'))),
    );
  });

  it('writes into a folder that is there or ends in a slash, though its name has a dot', async () => {
    mkdirSync(project.path('out.v1'));
    for (const folder of ['out.v1', 'out.v2/']) {
      expect(await project.run('export', 'p.yaml', 'c', '--to', folder)).toMatchObject({ code: 0 });
      expect(readdirSync(project.path(folder))).toHaveLength(labels.length);
    }
    const { code, stderr } = await project.run('export', 'p.yaml', 'c', '--to', 'out.v3');
    expect([code, stderr]).toEqual([2, expect.stringContaining('or give a folder: out.v3/')]);
  });

  it('names a file in the path, and does not ask for its removal', async () => {
    const { code, stderr } = await project.run('export', 'p.yaml', 'one', '--to', 'p.yaml/one.json');
    expect(code).toBe(5);
    expect(stderr).toContain('p.yaml is a file where a folder is needed');
    expect(stderr).toContain('rename it, or give another path');
  });

  it('leaves the file of before if the new one does not fit', async () => {
    for (const [command, file] of [
      [['export', 'p.yaml', 'c'], 'all/c[l=plain].metrics.json'],
      [['report', 'p.yaml'], 'page.html'],
    ] as const) {
      project.write(file, 'old');
      const target = command[0] === 'report' ? file : 'all';
      const { exitCode, stderr } = await execa(
        'sh',
        ['-c', 'ulimit -f 0; exec "$@"', 'sh', process.execPath, commandLine(), ...command, '--to', target],
        {
          cwd: project.folder,
          reject: false,
          env: { RAVELIN_HOME: project.path('home'), RAVELIN_CACHE: '' },
        },
      );
      expect([exitCode, stderr]).toEqual([5, expect.stringContaining('(EFBIG)')]);
      expect(readFileSync(project.path(file), 'utf8')).toBe('old');
    }
    expect(readdirSync(project.folder).filter((name) => name.startsWith('.tmp-'))).toEqual([]);
    expect(readdirSync(project.path('all')).filter((name) => name.startsWith('.tmp-'))).toEqual([]);
  });
});

describe('the names of files for cells', () => {
  it('are those of the cells, with a digest only where two would be the same or a name is too long', () => {
    const cells = ['c[l=8/255]', 'c[l=A]', 'c[l=a]', `c[l=${'x'.repeat(300)}]`];
    const names = cells.map(cellFileNames(cells));
    expect(names[0]).toBe('c[l=8_255]');
    expect(names[1]).toMatch(/^c\[l=A\]-[0-9a-f]{8}$/);
    expect(names[2]).toMatch(/^c\[l=a\]-[0-9a-f]{8}$/);
    expect(names[3]).toMatch(/^c\[l=x{176}-[0-9a-f]{8}$/);
  });
});
