import { chmodSync, existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { torchPython } from '../models/python/torch-python.ts';
import { createProject, type Project } from './ravelin.ts';

const pipeline = (python: string): string => `ravelin: 1
name: p
shard: 8
stages:
  digits: { uses: dataset/mnist, with: { split: test, limit: 24 } }
  model: { uses: model/python, with: { module: nets.py, make: linear, height: 28, width: 28, channels: 1, python: ${python}, device: cpu } }
  attacked: { uses: attack/pgd, in: { model: model, images: digits }, with: { epsilon: 0.1, steps: 2 } }
  predictions: { uses: predict/classify, in: { model: model, images: attacked } }
  scores: { uses: evaluate/robustness, in: { predictions: predictions, originals: digits } }
  table: { uses: report/table, in: { scores: scores }, with: { title: t, rows: [], columns: [], value: l2 }, publish: { table: t.md } }
`;

/** A network of made-up weights, which kills its process at the third gradient if the file \`killer\` is there. */
const nets = `import os, signal
import torch
from torch import nn
from parts import scale

class Linear(nn.Module):
    def __init__(self):
        super().__init__()
        generator = torch.Generator().manual_seed(3)
        self.weight = nn.Parameter(torch.randn(10, 784, generator=generator) * scale)
        self.gradients = 0

    def forward(self, x):
        if x.requires_grad:
            self.gradients += 1
            if self.gradients == 3 and os.path.exists('killer'):
                os.remove('killer')
                os.kill(os.getpid(), signal.SIGKILL)
        return x.flatten(1) @ self.weight.T

def linear():
    return Linear()
`;

const create = (python: string, allowed: readonly string[], environment = {}): Project =>
  createProject(
    {
      'package.json': JSON.stringify({ ravelin: { python: allowed } }),
      'p.yaml': pipeline(python),
      'nets.py': nets,
      'parts.py': 'scale = 0.1\n',
      'fake-python': '#!/bin/sh\ntouch started\necho \'["3.11.2", "2.0.0"]\'\n',
    },
    environment,
  );

describe('code in Python', () => {
  it.each([
    [
      'that package.json does not allow',
      [],
      { RAVELIN_TRUST: '1' },
      'this project does not allow it',
      'add "./nets.py" to "ravelin": { "python": [] }',
    ],
    [
      'of a project that nobody has trusted',
      ['./nets.py'],
      { RAVELIN_TRUST: '' },
      'this project is not trusted on this machine',
      'ravelin trust',
    ],
  ] as const)(
    '%s is not run, and neither is the interpreter',
    async (_, allowed, environment, message, fix) => {
      // prettier-ignore
      const project = create('./fake-python', allowed, environment);
      chmodSync(project.path('fake-python'), 0o755);
      for (const command of [['validate'], ['plan'], ['why', 'p.yaml', 'model'], ['run', '--ui', 'quiet']]) {
        const [name, file = 'p.yaml', ...rest] = command;
        await project.run(name!, ...(file.startsWith('-') ? ['p.yaml', file, ...rest] : [file, ...rest]));
        expect(existsSync(project.path('started'))).toBe(false);
      }
      const { code, stderr } = await project.run('run', 'p.yaml', '--ui', 'quiet');
      expect(code).toBe(1);
      expect(stderr).toContain(`the module 'nets.py' is code, and ${message}`);
      expect(stderr).toContain(fix);
      expect(existsSync(project.path('started'))).toBe(false);
    },
  );

  it.each([
    [[], '1', 'this project does not allow it', 'add "./nets.py" to "ravelin": { "python": [] }'],
    [['./nets.py'], '', 'this project is not trusted on this machine', 'ravelin trust'],
  ])(
    'that may not run is a warning of validate: allowed %j, trust %j',
    async (allowed, trust, message, fix) => {
      const project = create('python3', allowed, { RAVELIN_TRUST: trust });
      const { code, stderr, stdout } = await project.run('validate', 'p.yaml');
      expect({ code, stdout }).toEqual({ code: 0, stdout: 'p.yaml: ok, 6 stages, 6 cells' });
      expect(stderr).toContain(
        `p.yaml:6:48 warning[code-not-allowed]: the module 'nets.py' is code, and ${message}`,
      );
      expect(stderr).toContain(fix);
      const [warning] = (await project.json('validate', 'p.yaml', '--json')) as { code: string }[];
      expect(warning).toMatchObject({ code: 'code-not-allowed', severity: 'warning' });
    },
  );

  it('that may run is no warning', async () => {
    const project = create('python3', ['./nets.py'], { RAVELIN_TRUST: '1' });
    expect((await project.run('validate', 'p.yaml')).stderr).toBe('');
  });

  it('is shown by ravelin trust', async () => {
    const project = create('python3', ['./nets.py'], { RAVELIN_TRUST: '' });
    const { stdout } = await project.run('trust');
    expect(stdout).toContain('Its models may run these modules of Python:\n  ./nets.py');
  });
});

describe.skipIf(torchPython === null)('a pipeline with a model in Python', () => {
  const failing = (body: string): Project => {
    const project = create(torchPython!, ['./nets.py'], { RAVELIN_TRUST: '1' });
    project.write('nets.py', nets.replace(/return x\.flatten.*/, body));
    return project;
  };

  it('fails at once if the code of the model ends the process, and is not tried again', async () => {
    const project = failing(
      'import sys; sys.exit(7) if len(x) > 2 else None; return x.flatten(1) @ self.weight.T',
    );
    const { code, stdout, stderr } = await project.run('run', 'p.yaml', '--ui', 'plain', '-j', '1');
    expect(code).toBe(1);
    expect(stdout + stderr).toContain('the code of the model called sys.exit(7)');
    expect(stdout + stderr).not.toMatch(/^\[.*\] retry /m);
  });

  it('says of logits that are not finite what to look for in the module', async () => {
    const project = failing('return (x.flatten(1) @ self.weight.T) / (0 if len(x) > 2 else 1)');
    const plain = pipeline(torchPython!).replace('images: attacked }', 'images: digits }');
    project.write('p.yaml', plain);
    const { code, stderr } = await project.run('run', 'p.yaml', 'predictions', '--ui', 'quiet');
    expect(code).toBe(1);
    expect(stderr).toMatch(
      /the model gives logits that are not finite numbers: (-?Infinity|NaN) for image [08] /,
    );
    expect(stderr).toMatch(/fix: +look in nets\.py for a division by zero/);
    expect(stderr).not.toContain('softmaxRows');
  });

  it('keeps the beginning and the end of what the model prints', async () => {
    const project = failing(
      "print('first'); print('x' * 1_000_000); print('last'); return x.flatten(1) @ self.weight.T",
    );
    expect(await project.run('run', 'p.yaml', 'predictions', '--ui', 'quiet')).toMatchObject({ code: 0 });
    const { stdout } = await project.run('logs', 'predictions');
    expect(stdout).toMatch(/^first\n/);
    expect(stdout).toMatch(/\[\d{6,} characters of output are left out here\]/);
    expect(stdout.trimEnd()).toMatch(/last$/);
    expect(stdout.length).toBeLessThan(3 * 400_000);
  });

  it('loses no finished shard when the process is killed, and notices each change of the code', async () => {
    const project = create(torchPython!, ['./nets.py'], { RAVELIN_TRUST: '1' });
    const run = async (): Promise<string> => {
      const { code, stderr, stdout } = await project.run('run', 'p.yaml', '--ui', 'plain', '-j', '1');
      expect(code, stderr).toBe(0);
      return stdout + stderr;
    };
    await run();
    const table = readFileSync(project.path('t.md'), 'utf8');
    expect(await run()).toContain('0 to run');

    rmSync(project.path('.ravelin'), { recursive: true });
    writeFileSync(project.path('killer'), '');
    const killed = await run();
    expect(killed).toContain('the Python process of the model was killed');
    expect(killed.match(/^\[.*\] retry .*/gm)).toHaveLength(1);
    expect(readFileSync(project.path('t.md'), 'utf8')).toBe(table);

    writeFileSync(project.path('parts.py'), 'scale = 0.2\n');
    const { stdout } = await project.run('why', 'p.yaml', 'model');
    expect(stdout).toContain('parts.py');
    await run();
    expect(readFileSync(project.path('t.md'), 'utf8')).not.toBe('');
  });
});
