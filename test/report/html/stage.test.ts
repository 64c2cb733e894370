import { expect, it } from 'vitest';
import { claimsOfRows } from '../../../src/report/html/claims-of-rows.ts';
import { htmlStage } from '../../../src/stages/report/html.ts';
import { runStage } from '../../../src/kit/testing/index.ts';
import type { Figure } from '../../../src/values/figure.ts';
import { curvesFigure } from './rich-report.ts';

const axes = {
  model: 'model',
  defense: 'defense',
  attack: 'attack',
  budget: 'strength',
  knowledge: 'knowledge',
};
const row = (labels: Readonly<Record<string, string | number>>, accuracy: number) => ({
  axes: labels,
  values: { accuracy, accuracyLow: accuracy - 0.1, accuracyHigh: accuracy + 0.1, n: 100 },
});

it('takes the lowest accuracy of each defense and budget from the labels of the scores', () => {
  const claims = claimsOfRows(
    [
      row({ defense: 'jpeg', attack: 'fgsm', strength: 0 }, 0.9),
      row({ defense: 'jpeg', attack: 'fgsm', strength: 0.1 }, 0.6),
      row({ defense: 'jpeg', attack: 'pgd', strength: 0.1 }, 0.4),
      row({ defense: 'jpeg', attack: 'pgd', strength: 0.1, knowledge: 'adaptive' }, 0.1),
      row({ defense: 'none', attack: 'pgd', strength: 0.1 }, 0),
    ],
    axes,
    { jpeg: 'JPEG', strength: 'ε' },
  );
  expect(
    claims.map(({ defense, budget, clean, direct, adaptive }) => [
      defense,
      budget,
      clean?.value ?? null,
      direct === null ? null : [direct.attack, direct.value],
      adaptive === null ? null : [adaptive.attack, adaptive.value],
    ]),
  ).toEqual([
    ['JPEG', 'ε 0.1', 0.9, ['pgd', 0.4], ['pgd', 0.1]],
    ['none', 'ε 0.1', null, ['pgd', 0], null],
  ]);
});

it('finds the budget and the knowledge of the adversary under their usual names', async () => {
  const scores = [
    ['gray-box', 0, 0.9],
    ['gray-box', 0.1, 0.8],
    ['adaptive', 0.1, 0.4],
    ['adaptive', 0.2, 0.2],
  ].map(([attacker, epsilon, accuracy]) => ({
    axes: { attacker: attacker!, epsilon: epsilon! },
    value: {
      kind: 'metrics' as const,
      rows: [{ axes: {}, values: { accuracy: Number(accuracy), n: 10 } }],
      warnings: [],
    },
  }));
  const table: Figure = { kind: 'figure', title: '', files: { md: Buffer.from('| a |\n| - |\n| 1 |\n') } };
  const inputs = { figures: [{ axes: {}, value: table }], scores };
  const { outputs } = await runStage(htmlStage, {}, { inputs });
  const page = Buffer.from((outputs['page'] as Figure).files['html']!).toString();
  const claims = page.slice(page.indexOf('id="claims"'), page.indexOf('id="figures"'));
  expect(claims.replaceAll(/<[^>]*>/g, ' ').replaceAll(/\s+/g, ' ')).toMatch(
    /epsilon 0\.1 90\.0 % 80\.0 % 40\.0 % .*epsilon 0\.2 90\.0 % – 20\.0 %/,
  );
  expect(page).toContain('table 1');
  expect(page).not.toContain('figure 1');
});

it('is a page of what is upstream, with the same bytes each time', async () => {
  const { image, csv, title } = curvesFigure('curves');
  const figure: Figure = { kind: 'figure', title, files: { svg: image!.bytes, csv: Buffer.from(csv!) } };
  const scores = [0, 0.1].map((strength) => ({
    axes: { attack: 'fgsm', defense: 'none', strength },
    value: {
      kind: 'metrics' as const,
      rows: [{ axes: {}, values: { accuracy: 0.9 - strength, n: 10 } }],
      warnings: [],
    },
  }));
  const inputs = { figures: [{ axes: {}, value: figure }], scores };
  const page = async (): Promise<string> => {
    const { outputs } = await runStage(htmlStage, { title: 'A page', text: 'One.\n\nTwo.' }, { inputs });
    return Buffer.from((outputs['page'] as Figure).files['html']!).toString();
  };
  const first = await page();
  expect(first).toContain('<h1>A page</h1><p>One.</p><p>Two.</p>');
  expect(first).toContain('class="chart points"');
  expect(first).toContain('80.0 %');
  expect(first).not.toContain('id="cost"');
  expect(await page()).toBe(first);
});
