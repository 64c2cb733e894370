import { spawnSync } from 'node:child_process';
import {
  appendFileSync,
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { execa } from 'execa';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { commandLine, createProject, type Outcome, type Project } from './ravelin.ts';

const pipeline = `ravelin: 1
name: p
stages:
  digits: { uses: dataset/mnist, with: { split: test, limit: 4 } }
  reduced: { uses: defense/bit-depth, in: { images: digits }, with: { bits: 3 } }
  one: { uses: debug/constant, with: { value: 1 } }
`;

/** A way to make a folder one that can only be read, and who then uses it. */
interface Kind {
  readonly prepare: (folder: string) => boolean;
  readonly close: (folder: string) => void;
  readonly release: (folder: string) => void;
  readonly user?: number;
  readonly code: 'EROFS' | 'EACCES';
}

const nobody = 65_534;
const isRoot = process.getuid?.() === 0;
const mount = (...parameters: readonly string[]): boolean => spawnSync('mount', parameters).status === 0;

const kinds: Readonly<Record<string, Kind>> = {
  'a disk that is mounted for reading': {
    prepare: (folder) => mount('-t', 'tmpfs', '-o', 'size=32m', 'tmpfs', folder),
    close: (folder) => expect(mount('-o', 'remount,ro', folder)).toBe(true),
    release: (folder) => spawnSync('umount', ['-l', folder]),
    code: 'EROFS',
  },
  'a folder of another user': {
    // Root may write everywhere, and another user is then somebody else.
    prepare: () => true,
    close: (folder) => {
      spawnSync('chmod', ['-R', 'a+rX', folder]);
      if (!isRoot) spawnSync('chmod', ['-R', 'a-w', folder]);
    },
    release: (folder) => spawnSync('chmod', ['-R', 'u+w', folder]),
    ...(isRoot && { user: nobody }),
    code: 'EACCES',
  },
};

describe.each(Object.entries(kinds))('%s', (_, { prepare, close, release, user, code }) => {
  const outer = createProject();
  const folders: string[] = [];
  let possible = true;

  /** A project in the folder, in which `fill` works before it is closed. */
  const closed = async (name: string, fill: (project: Project) => Promise<void>): Promise<Project> => {
    const folder = outer.path(name);
    mkdirSync(folder);
    chmodSync(outer.folder, 0o755);
    possible &&= prepare(folder);
    folders.push(folder);
    writeFileSync(join(folder, 'p.yaml'), pipeline);
    const run = async (...parameters: readonly string[]): Promise<Outcome> => {
      const result = await execa(process.execPath, [commandLine(), ...parameters], {
        cwd: folder,
        reject: false,
        env: { NO_COLOR: '1', RAVELIN_CACHE: '', RAVELIN_HOME: join(folder, 'home') },
        ...(user !== undefined && existsSync(join(folder, 'closed')) && { uid: user, gid: user }),
      });
      return { code: result.exitCode ?? -1, stdout: result.stdout, stderr: result.stderr };
    };
    const project: Project = { ...outer, folder, path: (file) => join(folder, file), run };
    await fill(project);
    writeFileSync(join(folder, 'closed'), '');
    close(folder);
    return project;
  };
  afterAll(() => folders.forEach(release));
  const skipped = (): boolean => {
    if (!possible) process.stderr.write(`SKIPPED: ${code} is not tested: this user may not mount a tmpfs\n`);
    return !possible;
  };

  describe('with a cache that has everything', () => {
    let project: Project;
    beforeAll(async () => {
      project = await closed('complete', async ({ run }) => {
        expect((await run('run', 'p.yaml', '--ui', 'quiet')).code).toBe(0);
      });
    });

    it.each([
      [['plan', 'p.yaml'], '3 cells, 3 shards: 3 reused, 0 to run'],
      [['status', 'p.yaml'], 'latest run'],
      [['why', 'p.yaml', 'one'], 'one: reused'],
      [['metrics'], 'one'],
      [['runs'], 'ok'],
      [['cache', 'verify'], 'all intact'],
      [['cache', 'gc', '-n'], 'would remove 0 entries'],
    ])('%j works and says nothing of it', async (parameters, sentence) => {
      if (skipped()) return;
      const { code: exit, stdout, stderr } = await project.run(...parameters);
      expect({ exit, stderr }).toEqual({ exit: 0, stderr: '' });
      expect(stdout).toContain(sentence);
    });

    it('a run succeeds, and says that it leaves no entry', async () => {
      if (skipped()) return;
      const { code: exit, stdout, stderr } = await project.run('run', 'p.yaml', '--ui', 'json');
      expect(exit).toBe(0);
      expect(stdout.split('\n').at(-1)).toContain('"status":"ok"');
      expect(stderr).toMatch(
        new RegExp(
          `^warning: the cache cannot be used: \\S+ .*\\(${code}\\); this run has nothing to compute`,
        ),
      );
      expect(readdirSync(project.path('.ravelin/runs'))).toHaveLength(1);
    });

    it.each([
      ['run', 'p.yaml', '--force', '--ui', 'quiet'],
      ['run', 'p.yaml', '--force', '--detach'],
      ['runs', 'rm', 'latest'],
      ['runs', 'pin', 'latest'],
    ])('%s %s %s needs to write: one sentence, a remedy, and exit code 5', async (...parameters) => {
      if (skipped()) return;
      const { code: exit, stdout, stderr } = await project.run(...parameters);
      expect({ exit, stdout }).toEqual({ exit: 5, stdout: '' });
      expect(stderr).toMatch(
        new RegExp(
          `^error\\[permission\\]: the cache cannot be used: .*\\(${code}\\)\\n  fix: give another folder with --cache$`,
        ),
      );
    });

    it('a run with another cache computes', async () => {
      if (skipped()) return;
      const elsewhere = outer.path(`elsewhere-${code}`);
      mkdirSync(elsewhere);
      chmodSync(elsewhere, 0o777);
      const { code: exit, stderr } = await project.run(
        '--cache',
        elsewhere,
        'run',
        'p.yaml',
        '--ui',
        'quiet',
      );
      expect({ exit, stderr }).toEqual({ exit: 0, stderr: '' });
    });
  });

  it('a damaged record there is a miss that stays where it is', async () => {
    const project = await closed('damaged', async ({ run, path }) => {
      expect((await run('run', 'p.yaml', '--ui', 'quiet')).code).toBe(0);
      const actions = path('.ravelin/actions');
      for (const name of readdirSync(actions, { recursive: true, encoding: 'utf8' }))
        if (name.endsWith('.json')) appendFileSync(join(actions, name), 'x');
    });
    if (skipped()) return;
    const { code: exit, stdout, stderr } = await project.run('plan', 'p.yaml');
    expect(exit).toBe(0);
    expect(stdout).toContain('0 reused, 3 to run');
    expect(stderr).toContain('is damaged and cannot be moved aside');
  });

  it('without a cache, plan and status say what there is to do, and a run why it cannot', async () => {
    const project = await closed('empty', () => Promise.resolve());
    if (skipped()) return;
    for (const command of ['plan', 'status']) {
      const { code: exit, stdout, stderr } = await project.run(command, 'p.yaml');
      expect({ exit, stderr }).toEqual({ exit: 0, stderr: '' });
      expect(stdout).toContain('to run');
    }
    const { code: exit, stderr } = await project.run('run', 'p.yaml', '--ui', 'quiet');
    expect(exit).toBe(5);
    expect(stderr).toMatch(
      new RegExp(`^error\\[permission\\]: .*\\(${code}\\)\\n  fix: give another folder with --cache$`),
    );
  });

  it('what other commands write is one sentence with the path', async () => {
    const project = await closed('others', async ({ run }) => {
      expect((await run('run', 'p.yaml', '--ui', 'quiet')).code).toBe(0);
    });
    if (skipped()) return;
    for (const parameters of [
      ['export', 'p.yaml', 'one', '--to', 'x.csv'],
      ['init', 'sub'],
      ['init', '.'],
      ['schema', '--out', 'x.json'],
      ['new', 'attack', 'x'],
    ]) {
      const { code: exit, stderr } = await project.run(...parameters);
      expect({ parameters, exit, stderr }).toMatchObject({ parameters, exit: 5 });
      expect(stderr).toMatch(new RegExp(`^error: \\S.*\\(${code}\\)\\n  fix: \\S.*$`));
    }
  });
});

it('a file where the cache should be is named', async () => {
  const project = createProject({ 'p.yaml': pipeline, file: 'mine' });
  for (const command of ['plan', 'status', 'run']) {
    const { code, stderr } = await project.run('--cache', project.path('file/cache'), command, 'p.yaml');
    expect(code).toBe(command === 'run' ? 5 : 0);
    if (command === 'run')
      expect(stderr).toBe(
        `error[io]: the cache cannot be used: ${project.path('file')} is a file where a folder is needed (ENOTDIR)\n  fix: give another folder with --cache`,
      );
  }
  expect(readFileSync(project.path('file'), 'utf8')).toBe('mine');
});
