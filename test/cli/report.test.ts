import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { createProject } from './ravelin.ts';

/** An untrained network with and without bit depth, attacked on its own, through the defense, and from another network. */
const pipeline = `ravelin: 1
name: sendable
seed: 5
stages:
  digits: { uses: dataset/mnist, with: { split: test, limit: 16 } }
  network: { uses: model/cnn, with: { filters: [4], dense: [16] } }
  other: { uses: model/cnn, seed: 2, with: { filters: [4], dense: [16] } }
  recipe: { uses: defense/bit-depth, with: { bits: 1 } }
  direct: { uses: attack/fgsm, in: { model: network, images: digits }, matrix: { epsilon: [0, 0.1] }, with: { epsilon: $(axes.epsilon) } }
  through: { uses: attack/i-fgsm, in: { model: network, images: digits, through: recipe.transform }, with: { epsilon: 0.1, steps: 2, eot: 1 } }
  transferred: { uses: attack/fgsm, in: { model: other, images: digits }, with: { epsilon: 0.1 } }
  plain: { uses: predict/classify, in: { model: network, images: direct } }
  defended: { uses: predict/classify, in: { model: network, images: direct, transform: recipe.transform } }
  adaptive: { uses: predict/classify, in: { model: network, images: through, transform: recipe.transform } }
  foreign: { uses: predict/classify, in: { model: network, images: transferred } }
  plain-scores: { uses: evaluate/robustness, in: { predictions: plain, originals: digits } }
  defended-scores: { uses: evaluate/robustness, in: { predictions: defended, originals: digits } }
  adaptive-scores: { uses: evaluate/robustness, in: { predictions: adaptive, originals: digits } }
  foreign-scores: { uses: evaluate/robustness, in: { predictions: foreign, originals: digits } }
  table: { uses: report/table, in: { scores: { from: plain-scores, collect: all } }, with: { title: The table } }
  curves: { uses: report/curves, in: { scores: { from: plain-scores, collect: all } }, with: { x: epsilon } }
  grid: { uses: report/images, in: { originals: digits, adversarial: { from: direct, collect: all } }, with: { count: 2 } }
`;

it('puts a run into one file: what each number is of, its figures, its cost and its pipeline', async () => {
  const project = createProject({ 'p.yaml': pipeline });
  expect(await project.run('run', 'p.yaml', '-j', '1')).toMatchObject({ code: 0 });
  const { code, stderr } = await project.run('report', 'p.yaml', '--to', 'sub/r.html');
  expect({ code, stderr }).toMatchObject({ code: 0, stderr: expect.stringContaining('wrote ') as string });
  const page = readFileSync(join(project.folder, 'sub/r.html'), 'utf8');

  const claims = rowsOf(page.slice(page.indexOf('id="claims"')));
  const numbers = await project.json('metrics', 'p.yaml', '--json');
  const accuracy = (cell: string): string => {
    const row = (numbers as readonly { readonly cell: string; readonly accuracy: number }[]).find(
      (score) => score.cell === cell,
    )!;
    return `${(row.accuracy * 100).toFixed(1)} %`;
  };
  expect(claims).toEqual([
    [
      'network', 'none',
      expect.stringContaining(accuracy('plain-scores[epsilon=0]')),
      expect.stringMatching(`^${accuracy('plain-scores[epsilon=0.1]')} .* fgsm$`),
      '–',
      expect.stringMatching(`^${accuracy('foreign-scores')} .* fgsm$`),
    ],
    [
      'network', 'bit-depth',
      expect.stringContaining(accuracy('defended-scores[epsilon=0]')),
      expect.stringMatching(`^${accuracy('defended-scores[epsilon=0.1]')} .* fgsm$`),
      expect.stringMatching(`^${accuracy('adaptive-scores')} .* i-fgsm$`),
      '–',
    ],
  ]); // prettier-ignore
  // What all rows share is said once.
  expect(page).toContain('data: digits, budget: epsilon 0.1, images: 16');

  // The curves are drawings of the page; the grid has the originals, two versions and their differences, and what the network says of each.
  const figures = page.slice(page.indexOf('id="figures"'), page.indexOf('id="scores"'));
  expect(figures.match(/class="chart points"/g)).toHaveLength(1);
  expect(figures.match(/<img src="data:image\/png;base64,/g)).toHaveLength(2 * 5);
  expect(figures.match(/class="said/g)).toHaveLength(2 * 2);
  expect(figures).toContain(
    'Under each image: the most probable class by ‘plain[epsilon=0]’, ‘plain[epsilon=0.1]’.',
  );
  expect(page).toContain('The table');
  expect(page).toContain('name: sendable');
  expect(page).toContain('ravelin run');
  await project.run('report', 'p.yaml', '--to', 'again.html');
  expect(readFileSync(join(project.folder, 'again.html'), 'utf8')).toBe(page);
});

it('of a run that reused everything has the same claims', async () => {
  const project = createProject({ 'p.yaml': pipeline });
  const claims = async (): Promise<readonly (readonly string[])[]> => {
    await project.run('run', 'p.yaml', '-j', '1');
    await project.run('report', '--to', 'r.html');
    const page = readFileSync(join(project.folder, 'r.html'), 'utf8');
    return rowsOf(page.slice(page.indexOf('id="claims"')));
  };
  const first = await claims();
  expect(await claims()).toEqual(first);
});

it('follows what a defense leaves as it is to its attack, and strength 0 to the clean images', async () => {
  const project = createProject({
    'p.yaml': `ravelin: 1
name: left-alone
stages:
  digits: { uses: dataset/mnist, with: { split: test, limit: 16 } }
  network: { uses: model/cnn, with: { filters: [4], dense: [16] } }
  adversarial: { uses: attack/fgsm, in: { model: network, images: digits }, matrix: { epsilon: [0, 0.3] }, with: { epsilon: $(axes.epsilon) } }
  defended:
    in: { images: adversarial }
    matrix: { defense: { none: { uses: defense/none }, bits: { uses: defense/bit-depth, with: { bits: 1 } } } }
  predictions: { uses: predict/classify, in: { model: network, images: defended } }
  scores: { uses: evaluate/robustness, in: { predictions: predictions, originals: digits } }
`,
  });
  await project.run('run', 'p.yaml', '-j', '1');
  await project.run('report', '--to', 'r.html');
  const page = readFileSync(join(project.folder, 'r.html'), 'utf8');
  const claims = rowsOf(page.slice(page.indexOf('id="claims"')));
  expect(claims.map((row) => row[1])).toEqual(['none', 'bit-depth']);
  expect(claims.map((row) => row[3])).toEqual([
    expect.stringMatching(/ fgsm$/),
    expect.stringMatching(/ fgsm$/),
  ]);
  expect(page).toContain('data: digits, budget: epsilon 0.3, images: 16');
});

it('says under each defended image what it was classified as, also where a prediction applies the defense itself', async () => {
  const project = createProject({
    'p.yaml': `ravelin: 1
name: galleries
stages:
  digits: { uses: dataset/mnist, with: { split: test, limit: 8 } }
  network: { uses: model/cnn, with: { filters: [4], dense: [16] } }
  adversarial: { uses: attack/fgsm, in: { model: network, images: digits }, with: { epsilon: 0.3 } }
  defended:
    in: { images: adversarial }
    matrix: { defense: { bits: { uses: defense/bit-depth, with: { bits: 1 } }, jpeg: { uses: defense/jpeg } } }
  predictions: { uses: predict/classify, in: { model: network, images: defended } }
  gallery: { uses: report/images, in: { originals: digits, defended: { from: defended, collect: all } }, with: { count: 3 } }
`,
  });
  await project.run('run', 'p.yaml', '-j', '1');
  await project.run('report', '--to', 'r.html');
  const page = readFileSync(join(project.folder, 'r.html'), 'utf8');
  const cards = page.split('<div class="card"').filter((card) => card.includes('data-role="defended"'));
  expect(cards).toHaveLength(3 * 2);
  for (const card of cards) expect(card).toMatch(/class="said/);
});

it('of a failed run says what failed, and shows the rest', async () => {
  const project = createProject({
    'p.yaml': `${pipeline}  broken: { uses: dataset/image-folder, with: { path: absent } }\n`,
  });
  expect(await project.run('run', 'p.yaml', '-j', '1', '--keep-going')).toMatchObject({ code: 3 });
  await project.run('report', 'p.yaml', '--to', 'r.html');
  const page = readFileSync(join(project.folder, 'r.html'), 'utf8');
  expect(page).toMatch(/<li class="bad"><code>broken<\/code>[^<]*absent/);
  expect(page).toContain('The table');
});

/** The fields of the first table of some HTML, as text. */
function rowsOf(html: string): readonly (readonly string[])[] {
  const body = /<tbody>([^]*?)<\/tbody>/.exec(html)![1]!;
  return [...body.matchAll(/<tr>([^]*?)<\/tr>/g)].map(([, row]) =>
    [...row!.matchAll(/<td[^>]*>([^]*?)<\/td>/g)].map(([, field]) => field!.replaceAll(/<[^>]+>/g, '')),
  );
}

it('puts two runs beside each other: what changed, their claims and their differences', async () => {
  const project = createProject({ 'p.yaml': pipeline });
  await project.run('run', 'p.yaml', '-j', '1');
  project.write('p.yaml', pipeline.replace('bits: 1', 'bits: 2'));
  await project.run('run', 'p.yaml', '-j', '1');
  const runs = (await project.json('runs', '--json')) as readonly { readonly run: string }[];
  const { code, stderr } = await project.run('report', runs[0]!.run, 'latest', '--to', 'r.html');
  expect({ code, stderr }).toMatchObject({ code: 0, stderr: expect.stringContaining('wrote ') as string });
  const page = readFileSync(join(project.folder, 'r.html'), 'utf8');
  const claims = rowsOf(page.slice(page.indexOf('id="claims"')));
  const undefended = claims.filter(([model, defense]) => model === 'network' && defense === 'none');
  expect(undefended.map((fields) => fields.at(-1))).toEqual(
    undefended.map(() => expect.stringMatching(/^0\.0 \[−\d+\.\d, \+\d+\.\d\]$/) as string),
  );
  expect(page).toContain('<code>with.bits 1 → 2</code>');
  expect(page).toContain('It is the same in both runs.');
  await project.run('report', runs[0]!.run, 'latest', '--to', 'again.html');
  expect(readFileSync(join(project.folder, 'again.html'), 'utf8')).toBe(page);
});
