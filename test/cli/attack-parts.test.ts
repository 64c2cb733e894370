import { describe, expect, it } from 'vitest';
import { createProject, exportBytes, type PlanJson, type Project } from './ravelin.ts';

/** MNIST, an untrained network, and attacks at target dissimilarities whose strength 32 images decide. */
const pipeline = `ravelin: 1
name: parts
seed: 5
params: { images: 48, strengths: [0.1, 0.2], shard: 16 }
defaults: { shard: $(params.shard) }
stages:
  digits: { uses: dataset/mnist, with: { split: test, limit: $(params.images) } }
  network: { uses: model/cnn, with: { filters: [4], dense: [16] } }
  adversarial:
    in: { model: network, images: digits }
    with: { dissimilarity: $(axes.strength), pilot: 32 }
    matrix:
      attack:
        fgsm: { uses: attack/fgsm }
        i-fgsm: { uses: attack/i-fgsm, with: { steps: 3 } }
        pgd: { uses: attack/pgd, with: { steps: 3 } }
      strength: $(params.strengths)
`;

interface Event {
  readonly type: string;
  readonly cell?: string;
  readonly reused?: boolean;
  readonly message?: string;
}

async function run(project: Project, ...options: readonly string[]): Promise<readonly Event[]> {
  const { code, stdout, stderr } = await project.run('run', 'p.yaml', '--ui', 'json', ...options);
  expect({ code, stderr }).toMatchObject({ code: 0 });
  return stdout.split('\n').map((line) => JSON.parse(line) as Event);
}

/** The number of shards of each stage that were computed. */
function computed(events: readonly Event[]): Readonly<Record<string, number>> {
  const counts: Record<string, number> = {};
  for (const { type, cell = '', reused } of events) {
    if (type !== 'shard-committed' || reused === true) continue;
    const stage = cell.split('[')[0]!;
    counts[stage] = (counts[stage] ?? 0) + 1;
  }
  return counts;
}

/** The plan of the attack's cells and their parts: stage → [reused, to run]. */
async function planOf(
  project: Project,
  ...options: readonly string[]
): Promise<Readonly<Record<string, readonly [reuse: number, run: number]>>> {
  const { cells } = (await project.json('plan', 'p.yaml', '--json', ...options)) as PlanJson;
  const counts: Record<string, [number, number]> = {};
  for (const { stage, shards } of cells) {
    if (!stage.startsWith('adversarial')) continue;
    const count = (counts[stage] ??= [0, 0]);
    count[0] += shards.reuse;
    count[1] += shards.run;
  }
  return counts;
}

describe('an attack at a target dissimilarity', () => {
  it('is computed in shards: what is prepared once for all strengths, and larger sets add shards only', async () => {
    const project = createProject({ 'p.yaml': pipeline });
    const events = await run(project, '-j', '2');
    const counts = computed(events);
    // Three shards for each of two attacks that prepare something, whatever the strengths.
    expect(counts['adversarial/prepare']).toBe(6);
    expect(counts['adversarial/check']).toBe(6);
    expect(await planOf(project)).toMatchObject({ adversarial: [18, 0], 'adversarial/prepare': [6, 0] });

    const larger = await planOf(project, '-S', 'params.images=96');
    expect(larger).toMatchObject({
      'adversarial/prepare': [6, 6],
      adversarial: [18, 18],
      'adversarial/check': [0, 6],
    });
    expect(larger['adversarial/search']![1]).toBe(0);

    const stronger = await planOf(project, '-S', 'params.strengths=[0.1, 0.2, 0.3]');
    expect(stronger).toMatchObject({ 'adversarial/prepare': [6, 0], adversarial: [18, 9] });
  });

  it('gives the same bytes with one worker and two, and in shards of another size', async () => {
    const cells = ['adversarial[strength=0.2]'];
    const bytes = await Promise.all(
      [
        ['-j', '1'],
        ['-j', '2'],
        ['-j', '1', 'whole'],
      ].map(async (options) => {
        const project = createProject({
          'p.yaml': pipeline.replace('shard: 16', `shard: ${options.length > 2 ? 48 : 16}`),
        });
        await run(project, ...options.slice(0, 2));
        return exportBytes(project, 'p.yaml', cells);
      }),
    );
    expect(Object.keys(bytes[0]!).length).toBeGreaterThanOrEqual(3);
    expect(bytes[1]).toEqual(bytes[0]);
    expect(bytes[2]).toEqual(bytes[0]);
  });

  it('reports the mean over all images with its interval, and warns where the pilot images misled it', async () => {
    const project = createProject({ 'p.yaml': pipeline.replace('pilot: 32', 'pilot: 2, tolerance: 0.001') });
    const events = await run(project, 'adversarial[attack=fgsm,strength=0.2]');
    const warnings = (of: typeof events): readonly string[] =>
      of.flatMap(({ type, message = '' }) => (type === 'warning' ? [message] : []));
    const messages = warnings(events);
    expect(messages).toEqual([
      expect.stringMatching(
        /^dissimilarity: target 0\.2, achieved 0\.\d+ ± 0\.\d+ over 48 images with epsilon 0\.\d+, which is beyond the tolerance: the strength was found on the first 2 images\. /,
      ),
    ]);
    const metrics = events.filter(({ type }) => type === 'metric') as unknown as readonly {
      readonly name: string;
    }[];
    const names = metrics.map(({ name }) => name);
    // The passes of each of three shards that prepare the attack, added up.
    expect(names.filter((name) => name === 'forwardPasses')).toHaveLength(3);
    expect(names.filter((name) => !name.endsWith('Passes'))).toEqual([
      'targetDissimilarity',
      'achievedDissimilarity',
      'halfWidth',
      'epsilon',
    ]);
    // A run that computes nothing says the same of the results that it reuses.
    const again = await run(project, 'adversarial[attack=fgsm,strength=0.2]');
    expect(computed(again)).toEqual({});
    expect(warnings(again)).toEqual(messages);
  });

  it('is one unit a shard at its own strength 0 and at a strength for each image', async () => {
    const given = pipeline.replace('pilot: 32', 'per: image').replace('[0.1, 0.2]', '[0, 0.2]');
    const plan = await planOf(createProject({ 'p.yaml': given }));
    expect(Object.keys(plan)).toEqual(['adversarial/prepare', 'adversarial']);
    expect(plan['adversarial']).toEqual([0, 18]);
  });
});
