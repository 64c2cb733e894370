import { describe, expect, it } from 'vitest';
import type { LoadOptions } from '../../src/dsl/load.ts';
import { graphOf, load } from './fakes.ts';

const pipeline = (executor: string, rest = ''): string =>
  `ravelin: 1\n${rest}executor: ${executor}\nstages: { net: { uses: data/net } }\n`;

/** The diagnostics as `CODE LINE:TEXT-AT message`. */
function problems(text: string, options: Partial<LoadOptions> = {}): readonly string[] {
  const loaded = load(text, options);
  if (loaded.ok) return [];
  const { text: source } = loaded.sources[0]!;
  return loaded.diagnostics.map(
    ({ code, at, message }) => `${code} at ${source.slice(at.start, at.end)}: ${message}`,
  );
}

describe('options of Slurm', () => {
  it('become milliseconds and bytes, also where a param gives them', () => {
    const text = pipeline(
      '{ uses: slurm, partition: $(params.where), constraint: "[a|b]&gpu*2", gres: "gpu:a100:2(S:0)", time: $(params.time), memory: 1.5GiB, poll: 10s, cpus: $(params.cpus), flags: ["--exclude=node[1-4,7]", --exclusive] }',
      'params: { where: "gpu,long", time: 1h30m, cpus: 4 }\n',
    );
    expect(graphOf(text).executor).toEqual({
      uses: 'slurm',
      partition: 'gpu,long',
      constraint: '[a|b]&gpu*2',
      gres: 'gpu:a100:2(S:0)',
      time: 5_400_000,
      memory: 1.5 * 2 ** 30,
      poll: 10_000,
      cpus: 4,
      flags: ['--exclude=node[1-4,7]', '--exclusive'],
    });
  });

  it.each([
    ['time: soon', "wrong-unit at soon: 'time' takes a duration such as 30m, 90s or 1h30m"],
    ['time: 30', 'wrong-unit at 30'],
    ['memory: much', "wrong-unit at much: 'memory' takes a size such as 6GiB or 512MiB"],
    ['memory: -1', 'out-of-range at -1'],
    ['poll: often', 'wrong-unit at often'],
    ['cpus: many', "wrong-type at many: 'cpus' takes a whole number of at least 1"],
    ['partitions: gpu', 'unknown-key at partitions'],
  ])('%s is refused at its place', (option, expected) => {
    expect(problems(pipeline(`{ uses: slurm, ${option} }`))).toEqual([expect.stringContaining(expected)]);
  });

  it('are refused at the place of the reference if a param gives what cannot be read', () => {
    const text = pipeline('{ uses: slurm, time: $(params.time) }', 'params: { time: soon }\n');
    expect(problems(text)).toEqual([expect.stringContaining('wrong-unit at $(params.time)')]);
  });

  it('are judged in a profile that is chosen', () => {
    const text = `${pipeline('local')}profiles: { cluster: { executor: { uses: slurm, time: soon } } }\n`;
    expect(problems(text)).toEqual([]);
    expect(problems(text, { profile: 'cluster' })).toEqual([expect.stringContaining('wrong-unit at soon')]);
  });
});

/** Each would put a line of its own, a second word or a comment into the batch script. */
const hostile: readonly (readonly [option: string, value: string])[] = [
  ['partition', '"gpu\\ntouch PWNED"'],
  ['account', '"lab\\r\\nrm -rf ~"'],
  ['qos', '"high\\u2028touch PWNED"'],
  ['constraint', '"a b"'],
  ['gres', '"gpu:1\\ttouch PWNED"'],
  ['partition', '"gpu --wrap=reboot"'],
  ['partition', '"--wrap=reboot"'],
  ['account', '"$(touch PWNED)"'],
  ['qos', '"`touch PWNED`"'],
  ['constraint', '"x #"'],
  ['gres', '"gpu\'1"'],
  ['account', '"lab\\u0000"'],
  ['partition', '""'],
];

describe('what a pipeline may not give to sbatch', () => {
  it.each(hostile)('%s: %s', (option, value) => {
    const found = problems(pipeline(`{ uses: slurm, ${option}: ${value.replace('$(', () => '$$(')} }`));
    expect(found).toEqual([
      expect.stringMatching(new RegExp(`^wrong-format .*'${option}' takes a word`, 's')),
    ]);
  });

  it.each(['$(env.PARTITION)', '$(params.partition)'])('through %s', (reference) => {
    const text = pipeline(
      `{ uses: slurm, partition: ${reference} }`,
      'params: { partition: "gpu\\ntouch PWNED" }\nenv: [PARTITION]\n',
    );
    expect(problems(text, { env: { PARTITION: 'gpu\ntouch PWNED' } })).toEqual([
      expect.stringContaining(`wrong-format at ${reference}`),
    ]);
  });

  it.each([
    '--export=ALL,NODE_OPTIONS=--require=./x.cjs',
    '--output=/home/me/.bashrc',
    '--error=x',
    '--wrap=reboot',
    '--chdir=/',
    '--uid=0',
    '--get-user-env',
    '--bbf=script.sh',
    '--container=/tmp/image',
    '--job-name=other',
    '--array=0-9',
    '--reboot',
  ])('the flag %s, unless the project allows it to the letter', (flag) => {
    const text = pipeline(`{ uses: slurm, flags: ['${flag}'] }`);
    expect(problems(text)).toEqual([
      `flag-not-allowed at '${flag}': a pipeline may not give '${flag}' to sbatch`,
    ]);
    expect(problems(text, { allowedFlags: [`${flag}x`] })).toHaveLength(1);
    expect(problems(text, { allowedFlags: [flag] })).toEqual([]);
  });

  it.each([
    '"--exclude=a\\ntouch PWNED"',
    '"--comment=two words"',
    '"-x node7"',
    'reboot',
    '"--comment=a#b"',
  ])('the flag %s, whatever the project allows', (flag) => {
    const text = pipeline(`{ uses: slurm, flags: [${flag}] }`);
    expect(
      problems(text, { allowedFlags: [JSON.parse(flag.startsWith('"') ? flag : `"${flag}"`) as string] }),
    ).toEqual([expect.stringMatching(/^wrong-format .*takes a long flag without white space/s)]);
  });
});

describe('the GPUs of a stage', () => {
  const text = (gpu: string): string =>
    `ravelin: 1\nstages: { net: { uses: data/net, resources: { gpu: ${gpu} } } }\n`;

  it('are a number, or a kind and a number as Slurm has them', () => {
    for (const [written, gpu] of [
      ['2', 2],
      ['1g.10gb:1', '1g.10gb:1'],
      ['a100:2', 'a100:2'],
    ] as const)
      expect(graphOf(text(written)).stages[0]!.settings.resources).toEqual({ gpu });
    for (const wrong of ['-1', '"a b:1"', 'a100', '"x:1 --wrap=reboot"', 'gpu:a100:1'])
      expect(problems(text(wrong))).toHaveLength(1);
  });
});
