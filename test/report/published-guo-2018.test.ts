import { readdirSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { readPublished } from '../../src/report/published.ts';

describe('the files of Guo et al. 2018', () => {
  const published = resolve(dirname(fileURLToPath(import.meta.url)), '../../pipelines/guo-2018/published');
  const read = async (name: string, value = 'accuracy') =>
    readPublished(await readFile(join(published, name), 'utf8'), [value]).rows;
  const mean = (rows: Awaited<ReturnType<typeof read>>): number =>
    rows.reduce((sum, { numbers }) => sum + (numbers['accuracy']?.value ?? NaN), 0) / rows.length;

  test.each([
    ['figure-2.csv', 'dissimilarity', 1],
    ['figure-4.csv', 'accuracy', 4],
    ['figure-4-success-rate.csv', 'successRate', 1],
    ['figure-5-success-rate.csv', 'successRate', 1],
    ['figure-6.csv', 'accuracy', 15],
    ['table-1.csv', 'accuracy', 60],
    ['table-2.csv', 'accuracy', 21],
  ])('%s can be read, and each number has its source', async (name, value, count) => {
    const rows = await read(name, value);
    expect(rows).toHaveLength(count);
    expect(rows.every(({ source }) => source.startsWith('Guo et al. 2018, '))).toBe(true);
  });

  test('are all tried here', () => {
    expect(readdirSync(published)).toHaveLength(7);
  });

  test('agree with what the text says of its tables', async () => {
    const [table1, table2] = [await read('table-1.csv'), await read('table-2.csv')];
    const of = (defense: string, rows = table1) => rows.filter(({ axes }) => axes['defense'] === defense);
    // "Gains of 1 − 2 % can be achieved by ensembling different defenses", "Inception-v4 performs best".
    expect(mean(of('crop-tvm-quilting')) - mean(of('quilting'))).toBeCloseTo(0.015, 2);
    const best = of('crop-tvm-quilting').filter(({ axes }) => axes['model'] === 'inception-v4');
    // "Our best black-box defense achieves an accuracy of about 71 % against all four".
    expect(mean(best.filter(({ axes }) => axes['attack'] !== 'none'))).toBeCloseTo(0.71, 2);
    // "18−24× more robust than ensemble adversarial training against DeepFool attacks".
    const deepfool = table2.filter(({ axes }) => axes['attack'] === 'deepfool');
    const accuracy = (defense: string): number => of(defense, deepfool)[0]!.numbers['accuracy']!.value!;
    const ratios = ['crop', 'tvm', 'quilting'].map((name) =>
      Math.floor(accuracy(name) / accuracy('ensemble-adversarial-training')),
    );
    expect(ratios).toEqual([24, 24, 18]);
  });

  test('figure 6 has the numbers of table 2', async () => {
    const table2 = await read('table-2.csv');
    for (const { axes, numbers } of await read('figure-6.csv')) {
      const attack = axes['dissimilarity'] === '0' ? 'none' : axes['attack'];
      const same = table2.find(
        (row) => row.axes['attack'] === attack && row.axes['defense'] === axes['defense'],
      );
      expect(same!.numbers).toEqual(numbers);
    }
  });
});
