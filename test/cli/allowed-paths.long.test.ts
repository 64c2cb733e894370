import {
  cpSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { encodeSafetensors } from '../../src/values/safetensors.ts';
import { storedFiles } from '../soak/project.ts';
import { createProject, type PlanJson, type Project } from './ravelin.ts';

/** A folder outside of every project, with a file of three images. */
function dataFolder(level = 7): string {
  const folder = mkdtempSync(join(tmpdir(), 'ravelin-data-'));
  writeImages(join(folder, 'images.safetensors'), level);
  return folder;
}

function writeImages(path: string, level: number): void {
  const images = { dtype: 'U8' as const, shape: [3, 4, 4, 3], data: new Uint8Array(144).fill(level) };
  const labels = { dtype: 'I32' as const, shape: [3], data: Int32Array.from([0, 1, 2]) };
  writeFileSync(path, encodeSafetensors({ images, labels }));
}

const pipeline = (path: string): string => `ravelin: 1
name: p
stages:
  photos: { uses: dataset/safetensors, with: { path: ${path}, classes: [a, b, c] } }
  defended: { uses: defense/bit-depth, with: { bits: 2 }, in: { images: photos }, store: always }
`;

const projectFor = (data: string): Project =>
  createProject({ 'package.json': '{}', 'p.yaml': pipeline(`${data}/images.safetensors`) });

const isDone = async (project: Project): Promise<boolean> =>
  ((await project.json('plan', 'p.yaml', '--json')) as PlanJson).totals.run === 0;

describe('a path outside of the project', () => {
  const data = dataFolder();
  const commands = [
    ['validate', 'p.yaml'],
    ['plan', 'p.yaml'],
    ['run', 'p.yaml', '--ui', 'quiet'],
    ['export', 'p.yaml', 'defended', '--to', 'out.safetensors'],
    ['why', 'p.yaml', 'defended'],
    ['status', 'p.yaml'],
    ['dag', 'p.yaml'],
  ] as const;

  it('is refused by every command, which says how to allow it', async () => {
    const project = projectFor(data);
    for (const command of commands) {
      const { code, stderr } = await project.run(...command);
      expect(code).toBe(2);
      expect(stderr).toContain('is outside the project');
      expect(stderr).toContain(`ravelin allow-path ${data}/images.safetensors`);
    }
  });

  it('is read by all of them, in workers too, once the user has allowed its folder', async () => {
    const project = projectFor(data);
    expect((await project.run('allow-path', data)).stdout).toContain(data);
    for (const command of commands) expect(await project.run(...command)).toMatchObject({ code: 0 });
    expect(await isDone(project)).toBe(true);
    // A graph that was resolved while the folder was allowed is not taken from the cache.
    await project.run('allow-path', '--remove', data);
    for (const command of commands) expect(await project.run(...command)).toMatchObject({ code: 2 });
  });

  it('is read by a single command with --allow-path, and by a shell with RAVELIN_ALLOW_PATH', async () => {
    const project = projectFor(data);
    expect(await project.run('run', 'p.yaml', '--ui', 'quiet', '--allow-path', data)).toMatchObject({
      code: 0,
    });
    expect(await project.run('--allow-path', '/nowhere', 'validate', 'p.yaml')).toMatchObject({ code: 2 });
    const shell = createProject(
      { 'package.json': '{}', 'p.yaml': pipeline(`${data}/images.safetensors`) },
      { RAVELIN_ALLOW_PATH: ['/nowhere', data].join(delimiter) },
    );
    expect(await shell.run('run', 'p.yaml', '--ui', 'quiet')).toMatchObject({ code: 0 });
  });

  it('is not allowed by its name, by a neighbour, by another project, or by anything in the project', async () => {
    const project = projectFor(data);
    await projectFor(data).run('allow-path', data);
    await project.run('allow-path', dataFolder());
    mkdirSync(`${data}-more`);
    project.write('q.yaml', pipeline(`${data}-more/images.safetensors`));
    await project.run('allow-path', data);
    expect(await project.run('validate', 'q.yaml')).toMatchObject({ code: 2 });
    project.write('r.yaml', pipeline(`${data}/../x/images.safetensors`));
    expect(await project.run('validate', 'r.yaml')).toMatchObject({ code: 2 });
    await project.run('allow-path', '--remove');
    project.write('ravelin.local.yaml', `data: [${data}]\n`);
    project.write('package.json', JSON.stringify({ ravelin: { allowedPaths: [data] } }));
    expect(await project.run('validate', 'p.yaml')).toMatchObject({ code: 2 });
    rmSync(`${data}-more`, { recursive: true });
  });

  it('allows neither to include nor to publish there', async () => {
    const project = projectFor(data);
    await project.run('allow-path', data);
    writeFileSync(`${data}/part.yaml`, 'stages: {}\n');
    project.write('included.yaml', `include: [${data}/part.yaml]\n${pipeline('x')}`);
    project.write(
      'published.yaml',
      pipeline(`${data}/images.safetensors`).replace(
        'store: always',
        `publish: { images: ${data}/out.safetensors }`,
      ),
    );
    for (const file of ['included.yaml', 'published.yaml']) {
      const { code, stderr } = await project.run('run', file, '--ui', 'quiet');
      expect(code).toBe(2);
      expect(stderr).toContain('outside');
    }
  });

  it('that is damaged in the memory of the user allows nothing', async () => {
    const project = projectFor(data);
    await project.run('allow-path', data);
    const folder = project.path('home/allowed-paths');
    const file = join(folder, readdirSync(folder)[0]!);
    const text = readFileSync(file, 'utf8');
    for (const damaged of ['', text.slice(0, -1), `${text}x`, `${text.split('\n')[0]!}\ndata\n`, 'null\n']) {
      writeFileSync(file, damaged);
      expect(await project.run('validate', 'p.yaml')).toMatchObject({ code: 2 });
    }
    writeFileSync(file, text);
    expect(await project.run('validate', 'p.yaml')).toMatchObject({ code: 0 });
  });
});

describe('a file outside of the project enters the keys', () => {
  it('by its content, and by nothing of where the project lies', async () => {
    const data = dataFolder();
    const project = projectFor(data);
    const env = ['--allow-path', data];
    expect(await project.run(...env, 'run', 'p.yaml', '--ui', 'quiet')).toMatchObject({ code: 0 });
    const plan = async (from: Project): Promise<PlanJson['totals']> =>
      ((await from.json(...env, 'plan', 'p.yaml', '--json')) as PlanJson).totals;
    expect((await plan(project)).run).toBe(0);
    // The same cache and pipeline in another place.
    const moved = createProject();
    mkdirSync(moved.path('deep/er'), { recursive: true });
    cpSync(project.folder, moved.path('deep/er'), { recursive: true });
    const { totals } = (await moved.json(...env, 'plan', 'deep/er/p.yaml', '--json')) as PlanJson;
    expect(totals.run).toBe(0);
    // The same bytes written again, then others.
    renameSync(`${data}/images.safetensors`, `${data}/old`);
    writeImages(`${data}/images.safetensors`, 7);
    expect((await plan(project)).run).toBe(0);
    writeImages(`${data}/images.safetensors`, 9);
    expect((await plan(project)).run).toBe(2);
  });

  it('so that the results are those of the same file inside', async () => {
    const data = dataFolder();
    const project = projectFor(data);
    cpSync(data, project.path('inside'), { recursive: true });
    project.write('q.yaml', pipeline('inside/images.safetensors'));
    await project.run('--allow-path', data, 'run', 'p.yaml', '--ui', 'quiet');
    // Only the file itself is read again: what follows has the same bytes before it.
    const { totals } = (await project.json('plan', 'q.yaml', '--json')) as PlanJson;
    expect(totals.run).toBe(2);
    expect(await project.run('run', 'q.yaml', '--ui', 'quiet')).toMatchObject({ code: 0 });
    const runs = (await project.json('runs', '--json')) as readonly { readonly work: string }[];
    expect(runs.at(-1)!.work).toMatch(/^1 shard ran, 1 reused/);
  });

  it('named from what the pipeline names, and not from the root of the file system', async () => {
    const data = dataFolder();
    const project = projectFor(data);
    await project.run('--allow-path', data, 'run', 'p.yaml', '--ui', 'quiet');
    const records = storedFiles(project.path('.ravelin'), 'actions').map((path) =>
      readFileSync(path, 'utf8'),
    );
    const files = records.flatMap((text) => /"files":(\[\[.*?\]\])/.exec(text)?.[1] ?? []);
    expect(files).toHaveLength(1);
    expect(files[0]).toMatch(/^\[\["images\.safetensors","[0-9a-f]{64}"\]\]$/);
  });
});
