import { expect, test } from 'vitest';
import { compareRuns } from '../../src/cli/run-difference.ts';
import { scoreColumns, type ScoreRow } from '../../src/cli/run-results.ts';

const row = (
  stage: string,
  inner: ScoreRow['inner'],
  axes: ScoreRow['axes'],
  values: ScoreRow['values'],
): ScoreRow => ({ stage, cell: `${stage}[…]`, inner, axes: { ...axes, ...inner }, values });

test('an axis that is called as a number, or as another column, has a column of its own in all rows', () => {
  const rows = [
    row('scores', {}, { linf: '8/255', stage: 'b', attack: 'pgd' }, { accuracy: 0.5, linf: 0.03 }),
    row('worst', {}, { linf: '8/255' }, { accuracy: 0.4 }),
  ];
  expect(scoreColumns(rows)).toEqual([
    {
      stage: 'scores',
      cell: 'scores[…]',
      'axes.linf': '8/255',
      'axes.stage': 'b',
      attack: 'pgd',
      accuracy: 0.5,
      linf: 0.03,
    },
    { stage: 'worst', cell: 'worst[…]', 'axes.linf': '8/255', accuracy: 0.4 },
  ]);
});

test('the rows inside a score are compared one by one, also where their labels are numbers', () => {
  const side = (run: string, accuracies: readonly number[]) => ({
    run,
    cells: [
      {
        cell: 'curve',
        stage: 'curve',
        axes: {},
        recipe: null,
        scores: accuracies.map((accuracy, epsilon) => row('curve', { epsilon }, {}, { accuracy })),
      },
    ],
  });
  const { scores } = compareRuns(side('a', [0.9, 0.5, 0]), side('b', [0.9, 0.4, 0]));
  expect(scores.map(({ row: name, before, after }) => [name, before, after])).toEqual([
    ['curve[…] epsilon=1', 0.5, 0.4],
  ]);
});
