import { beforeAll, describe, expect, it } from 'vitest';
import { createProject, type Outcome } from './ravelin.ts';

const plugin = `import { attackStage, defenseStage, metricStage, randomStream } from 'ravelin';
const common = { version: 1, summary: 's', with: {} };
const defense = (name, apply) => defenseStage({ ...common, uses: 'defense/' + name, onTheFly: true, defense: { apply } });
const strength = { name: 'epsilon', minimum: 0, maximum: 1, description: 'radius' };
const attack = (name, perturb) => attackStage({
  ...common, uses: 'attack/' + name, strength, example: { epsilon: 0.1 },
  attack: () => ({ kind: 'iterated', maximum: 1, prepare: ({ images }) => ({ perturb: async (rows) => perturb(images, rows) }) }),
});
export const stages = [
  defense('float64', (pixels) => Float64Array.from(pixels)),
  defense('outside', (pixels) => pixels.map((value) => 3 * value - 1)),
  defense('draws', (pixels, shape, params, { seed, draw }) => pixels.map((v) => v * randomStream(seed, draw).uniform())),
  defense('writes', (pixels) => pixels.fill(0)),
  defense('throws', () => {
    throw new TypeError('boom');
  }),
  attack('nan', (images, rows) => new Float32Array(784 * rows.length).fill(NaN)),
  attack('in-place', ({ pixels }) => pixels.fill(0.5).slice()),
  metricStage({ ...common, uses: 'evaluate/text', gives: 'x', score: () => ({ x: '0.3' }) }),
];
`;

const pipeline = `ravelin: 1
name: broken
plugins: [./broken.mjs]
stages:
  digits: { uses: dataset/mnist, with: { limit: 6 } }
  network: { uses: model/cnn, with: { filters: [4], dense: [8] } }
  noisy: { uses: attack/noise, in: { model: network, images: digits }, with: { epsilon: 0.1 } }
  float64: { uses: defense/float64 }
  outside: { uses: defense/outside }
  draws: { uses: defense/draws }
  writes: { uses: defense/writes }
  throws: { uses: defense/throws }
  on-the-fly: { uses: predict/classify, in: { model: network, images: noisy, transform: float64.transform } }
  trained: { uses: train/sgd, in: { model: network, images: digits, transform: outside.transform }, with: { epochs: 1 } }
  through: { uses: attack/fgsm, in: { model: network, images: digits, through: draws.transform }, with: { epsilon: 0.1 } }
  written: { uses: predict/classify, in: { model: network, images: noisy, transform: writes.transform } }
  thrown: { uses: predict/classify, in: { model: network, images: noisy, transform: throws.transform } }
  endless: { uses: attack/nan, in: { model: network, images: digits }, with: { dissimilarity: 0.1 } }
  in-place: { uses: attack/in-place, in: { model: network, images: noisy }, with: { epsilon: 0.1 } }
  plain: { uses: predict/classify, in: { model: network, images: noisy } }
  text: { uses: evaluate/text, in: { predictions: plain } }
`;

describe('a run with broken plugins', () => {
  const project = createProject({
    'package.json': JSON.stringify({ ravelin: { plugins: ['./broken.mjs'] } }),
    'broken.mjs': plugin,
    'p.yaml': pipeline,
  });
  let outcome: Outcome;
  const failed = new Map<string, Readonly<Record<'message' | 'fix' | 'file', string | undefined>>>();
  beforeAll(async () => {
    outcome = await project.run('run', 'p.yaml', '--keep-going', '--ui', 'json', '-j', '1');
    for (const line of outcome.stdout.trim().split('\n')) {
      const event = JSON.parse(line) as { type: string; cell: string; failure: never };
      if (event.type === 'cell-failed') failed.set(event.cell, event.failure);
    }
  });

  it.each([
    [
      'on-the-fly',
      "the pixels that apply of defense 'float64' returned are a Float64Array, not a Float32Array or a Uint8Array",
    ],
    [
      'trained',
      "the pixels that apply of defense 'outside' returned are not all in [0, 1]: they hold -1 in image",
    ],
    [
      'through/prepare',
      "defense 'draws' reads draw.seed, but declares no views, so ravelin does not know that it draws random numbers",
    ],
    ['written', "defense 'writes' wrote into the pixels that apply was given"],
    ['thrown', 'a plugin threw TypeError: boom'],
    [
      'endless/search[part=probe]',
      'attack/nan: the pixels that perturb returned are not finite: they hold NaN in image 0 (id 0)',
    ],
    ['in-place', 'attack/in-place: the attack wrote into pixels of problem.images'],
    ['text', "'x' in what score of evaluate/text returned is the text '0.3', not a finite number or null"],
  ])('fails %s with the cause and the remedy', (cell, message) => {
    expect(failed.get(cell)?.message).toContain(message);
    expect(failed.get(cell)?.fix).toBeTruthy();
  });

  it('says where a plugin threw', () => {
    expect(failed.get('thrown')?.file).toMatch(/broken\.mjs:15$/);
  });

  it('computes the cells that share an input with a defense that wrote into it as if it had not been there', async () => {
    expect(failed.size).toBe(8);
    const { code } = await project.run('export', 'p.yaml', 'plain', '--to', 'shared.safetensors');
    expect(code).toBe(0);
    await project.run('run', 'p.yaml', 'plain', '--cache', 'other', '--ui', 'quiet');
    await project.run('export', 'p.yaml', 'plain', '--cache', 'other', '--to', 'alone.safetensors');
    const { readFileSync } = await import('node:fs');
    expect(readFileSync(project.path('shared.safetensors'))).toEqual(
      readFileSync(project.path('alone.safetensors')),
    );
  });
});
