import { execFileSync } from 'node:child_process';
import { chmodSync, mkdirSync, realpathSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type ScriptRequest, slurmScript } from '../../../../src/runtime/executors/slurm/script.ts';
import { logPattern, SchedulerError } from '../../../../src/runtime/executors/slurm/scheduler.ts';
import { makeFolder } from '../../fixtures/graphs.ts';

const request: ScriptRequest = {
  name: 'ravelin-scores',
  folder: '/cache/slurm/r1-0',
  count: 40,
  resources: { timeMs: 1_800_000, memoryBytes: 2 ** 31 },
  options: {
    cpus: 4,
    parallel: 8,
    partition: 'gpu',
    gres: 'gpu:1',
    unitsPerTask: 1,
    flags: ['--exclude=node7'],
    pollMs: 30_000,
  },
  node: '/usr/bin/node',
  entry: '/ravelin/worker.js',
};

describe('the batch script', () => {
  it('is all that a cluster needs to know', () => {
    expect(slurmScript(request)).toBe(`#!/bin/sh
#SBATCH --job-name=ravelin-scores
#SBATCH --array=0-39%8
#SBATCH --open-mode=append
#SBATCH --requeue
#SBATCH --signal=B:USR2@90
#SBATCH --cpus-per-task=4
#SBATCH --mem=2048M
#SBATCH --time=30
#SBATCH --gres=gpu:1
#SBATCH --partition=gpu
#SBATCH --exclude=node7
export RAVELIN_THREADS=4
exec '/usr/bin/node' '/ravelin/worker.js' --batch '/cache/slurm/r1-0'
`);
  });

  it('asks for the GPUs of the stage before those of the executor, by number or as Slurm names them', () => {
    const gres = (resources: ScriptRequest['resources']): string | undefined =>
      /^#SBATCH --gres=(.*)$/m.exec(slurmScript({ ...request, resources }))?.[1];
    expect(gres({ gpu: 2 })).toBe('gpu:2');
    expect(gres({ gpu: '1g.10gb:1' })).toBe('gpu:1g.10gb:1');
    expect(gres({ gpu: 'a100:2' })).toBe('gpu:a100:2');
    expect(gres({})).toBe('gpu:1');
  });

  it('has no line, word or comment of its options, whatever they are: it is not written then', () => {
    const shape = slurmScript(request).split('\n').length;
    fc.assert(
      fc.property(
        fc.constantFrom('partition', 'account', 'qos', 'constraint', 'gres', 'flags'),
        fc.string({ unit: 'binary' }),
        (option, value) => {
          const given = option === 'flags' ? { flags: [value] } : { [option]: value };
          let script: string;
          try {
            script = slurmScript({ ...request, options: { ...request.options, ...given } });
          } catch (error) {
            expect(String(error)).toContain('cannot be a flag of a batch script');
            return;
          }
          const lines = script.split(/\r\n|[\n\r\u2028\u2029]/);
          expect(lines.length).toBeLessThanOrEqual(shape + 1);
          const directives = lines.filter((line) => line.startsWith('#SBATCH'));
          for (const line of directives) expect(line).toMatch(/^#SBATCH --[^\s'"`\\#$]+$/);
          expect(lines.filter((line) => !line.startsWith('#SBATCH'))).toHaveLength(4);
        },
      ),
      { numRuns: 1000 },
    );
  });

  it.each(['gpu\ntouch PWNED', 'gpu touch', 'gpu\u2028x', 'a#b', '$(reboot)', "a'b"])(
    'is refused with the partition %j',
    (partition) => {
      const options = { ...request.options, partition };
      expect(() => slurmScript({ ...request, options })).toThrow('it is not a single word');
    },
  );

  it('starts the worker, whatever the paths contain', () => {
    const folder = realpathSync(makeFolder());
    for (const name of ['sl um', "it's", '"q"', '$HOME `x`', '%a\\', '-x', '#', 'two\nlines']) {
      const place = join(folder, name);
      mkdirSync(place);
      const node = join(place, 'node');
      writeFileSync(node, `#!/bin/sh\nprintf '%s\\n' "$RAVELIN_THREADS" "$@"\n`);
      chmodSync(node, 0o755);
      const entry = join(place, 'worker.js');
      const script = slurmScript({ ...request, node, entry, folder: place });
      expect(execFileSync('sh', { input: script, encoding: 'utf8' })).toBe(
        `4\n${entry}\n--batch\n${place}\n`,
      );
    }
  });
});

describe('the path of the logs', () => {
  it('is a pattern of sbatch in which only %a is replaced', () => {
    expect(logPattern(`/a b/it's "q"/100 %a %%/$HOME`)).toBe(`/a b/it's "q"/100 %%a %%%%/$HOME/logs/%a.log`);
  });

  it.each(['/a\\b', '/a\nb'])('cannot be below %j', (folder) => {
    expect(() => logPattern(folder)).toThrow(SchedulerError);
  });
});
