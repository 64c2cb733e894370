import { execa } from 'execa';
import { expect, it } from 'vitest';
import { commandLine, createProject } from './ravelin.ts';

it.skipIf(process.platform === 'win32').each([30, 40, 50])(
  'a shell that allows %d open files is an error that says so, without a stack',
  async (limit) => {
    const project = createProject({
      'p.yaml': 'ravelin: 1\nname: p\nstages: { a: { uses: debug/constant } }\n',
    });
    const { exitCode, stderr } = await execa(
      'sh',
      ['-c', `ulimit -n ${limit}; exec "$@"`, 'sh', process.execPath, commandLine(), 'run', 'p.yaml'],
      { cwd: project.folder, reject: false, env: { RAVELIN_HOME: project.path('home'), RAVELIN_CACHE: '' } },
    );
    expect({ exitCode, stderr }).toEqual({
      exitCode: 5,
      stderr:
        'error: this process has reached the limit of open files\n  fix: raise the limit of this shell, for example with: ulimit -n 1024',
    });
  },
);
