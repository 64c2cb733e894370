import { Value } from '@sinclair/typebox/value';
import fc from 'fast-check';
import { describe, expect, it, test } from 'vitest';
import { loadPipeline } from '../../src/dsl/load.ts';
import { positionAt } from '../../src/dsl/diagnostics/source.ts';
import type { SignatureRegistry } from '../../src/dsl/signature.ts';
import { meanNames, meanOver } from '../../src/report/mean-over.ts';
import { defineStage, type KnownInputs, port, type Stage, Type } from '../../src/kit/index.ts';
import { nothingPrinted } from '../../src/runtime/stage.ts';
import { stages } from '../../src/stages/index.ts';
import { metricStage } from '../../src/stages/evaluate/shared/metric-stage.ts';
import { reportStage } from '../../src/stages/report/shared/report-stage.ts';
import { curvesStage } from '../../src/stages/report/curves.ts';
import { imagesStage } from '../../src/stages/report/images.ts';
import { tableStage } from '../../src/stages/report/table.ts';

const registryWith = (...plugins: readonly Stage[]): SignatureRegistry =>
  new Map([...stages, ...plugins.map((stage) => [stage.uses, stage] as const)]);

const pipeline = (report: string): string => `ravelin: 1
stages:
  digits: { uses: dataset/mnist, with: { limit: 10 } }
  network: { uses: model/cnn }
  adversarial:
    in: { model: network, images: digits }
    matrix:
      attack: { fgsm: { uses: attack/fgsm }, i-fgsm: { uses: attack/i-fgsm } }
      eps: [0, 8/255]
    with: { epsilon: $(axes.eps) }
  predictions: { uses: predict/classify, in: { model: network, images: adversarial } }
  scores: { uses: evaluate/robustness, in: { predictions: predictions } }
  mine: { uses: evaluate/mine, in: { predictions: predictions } }
  report: ${report}
`;

const mine = (gives: string | readonly string[]): Stage =>
  metricStage({ uses: 'evaluate/mine', version: 1, summary: 'a metric', gives, score: () => ({}) });

/** `code word` of each mistake: the word is what the place of the mistake holds. */
function mistakesIn(report: string, registry = registryWith(mine('what the data say'))): readonly string[] {
  const text = pipeline(report);
  const loaded = loadPipeline({
    file: '/project/main.yaml',
    root: '/project',
    registry,
    env: {},
    readFile: () => text,
  });
  if (loaded.ok) return [];
  const errors = loaded.diagnostics.filter(({ severity }) => severity === 'error');
  return errors.map(({ code, at }) => {
    expect(positionAt(loaded.sources[0]!, at.start).line).toBe(14);
    return `${code} ${text.slice(at.start, at.end)}`;
  });
}

const scores = 'in: { scores: { from: scores, collect: all } }';
const images = 'in: { originals: digits, adversarial: { from: adversarial, collect: all } }';
const curves = (params: string): string => `{ uses: report/curves, ${scores}, with: { ${params} } }`;
const table = (params: string): string => `{ uses: report/table, ${scores}, with: { ${params} } }`;
const grid = (params: string): string => `{ uses: report/images, ${images}, with: { ${params} } }`;

describe('a wrong name in a report is found before the run', () => {
  test.each([
    [curves('x: epss, series: attack'), ['unknown-name epss']],
    [curves('x: eps, y: acuracy, series: attack'), ['unknown-name acuracy']],
    [curves('x: eps, y: eps, series: attack'), ['unknown-name eps']],
    [curves('x: eps, series: atack'), ['unknown-name atack']],
    [curves('x: eps, series: [attack, defense]'), ['unknown-name defense']],
    [curves('x: eps, panel: panel, series: attack'), ['unknown-name panel']],
    [curves('x: eps, panel: [accuracy], series: attack'), ['unknown-name accuracy']],
    [curves('x: eps, series: attack, meanOver: seed'), ['unknown-name seed']],
    [curves('x: eps, series: attack, meanOver: attack'), ['unknown-name attack']],
    [table('rows: atack'), ['unknown-name atack']],
    [table('rows: [attack, epss]'), ['unknown-name epss']],
    [table('columns: esp'), ['unknown-name esp']],
    [table('value: acuracy'), ['unknown-name acuracy']],
    [table('value: [n, acuracy]'), ['unknown-name acuracy']],
    [table('value: accuracyDeviation'), ['unknown-name accuracyDeviation']],
    [table('meanOver: [eps, seed]'), ['unknown-name seed']],
    [table('meanOver: eps, value: accuracyDeviatoin'), ['unknown-name accuracyDeviatoin']],
    [table('rows: [attack, eps], columns: [eps]'), ['param-conflict eps']],
    [grid('rows: atack, columns: eps'), ['unknown-name atack']],
    [grid('rows: attack, columns: strength'), ['unknown-name strength']],
    [
      '{ uses: report/table, in: { scores: { from: scores, where: { attack: fsgm }, collect: all } } }',
      ['unknown-label fsgm'],
    ],
    [
      '{ uses: report/table, in: { scores: { from: scores, where: { atack: fgsm }, collect: all } } }',
      ['unknown-axis atack'],
    ],
    [curves('x: eps, series: attack, labels: { fgsm: i-fgsm }'), ['param-conflict fgsm']],
    [table('rows: [attack, eps], labels: { i-fgsm: fgsm }'), ['param-conflict i-fgsm']],
    [grid('rows: attack, columns: eps, labels: { fgsm: i-fgsm }'), ['param-conflict fgsm']],
    [table('rows: attack'), ['unplaced-axis rows']],
    [curves('x: eps'), ['unplaced-axis x']],
  ])('%s', (report, mistakes) => {
    expect(mistakesIn(report)).toEqual(mistakes);
  });

  test.each([
    curves('x: eps, series: attack'),
    curves('x: dissimilarity, series: attack'),
    curves('x: eps, y: accuracyDeviation, meanOver: attack'),
    curves('x: eps, meanOver: [attack]'),
    table(''),
    table('rows: [attack, eps]'),
    table('rows: eps, columns: [attack], value: [accuracy, accuracyLow]'),
    table('meanOver: eps, value: [repeats, accuracyDeviation]'),
    table('meanOver: eps, rows: attack'),
    table('labels: { fgsm: i-fgsm, i-fgsm: fgsm }'),
    table('labels: { fgsm: "0", fgsn: i-fgsm }'),
    grid('rows: attack, columns: eps'),
    grid('count: 3'),
  ])('%s is right', (report) => {
    expect(mistakesIn(report)).toEqual([]);
  });
});

describe('what only a run can tell is not judged', () => {
  const of = (params: string, from = 'mine'): string =>
    `{ uses: report/table, in: { scores: [{ from: ${from}, collect: all }, { from: scores, collect: all }] }, with: { ${params} } }`;

  test('the numbers of a metric that describes them in a sentence', () => {
    expect(mistakesIn(of('value: anything'))).toEqual([]);
    expect(mistakesIn(of('value: anything, columns: epss'))).toEqual(['unknown-name epss']);
    expect(mistakesIn(of('value: anything'), registryWith(mine(['margin'])))).toEqual([
      'unknown-name anything',
    ]);
    expect(mistakesIn(of('value: [margin, accuracy]'), registryWith(mine(['margin'])))).toEqual([]);
  });

  test('the axes and numbers of a stage that declares neither', () => {
    const free = defineStage({
      uses: 'evaluate/mine',
      version: 1,
      summary: 'rows of its own',
      with: Type.Object({}),
      in: { predictions: port('predictions') },
      out: { metrics: port('metrics') },
      run: () => Promise.resolve({ metrics: { kind: 'metrics' as const, rows: [], warnings: [] } }),
    });
    expect(mistakesIn(of('value: anything, rows: [attack, epss]'), registryWith(free))).toEqual([]);
    expect(mistakesIn(curves('x: epss, series: attack'), registryWith(free))).toEqual(['unknown-name epss']);
  });
});

test('a report of a plugin declares its names as the built-in ones do', () => {
  const extremes = reportStage({
    uses: 'report/extremes',
    version: 1,
    summary: 'the least and the greatest number of each label',
    with: { by: Type.String(), of: Type.String({ default: 'accuracy' }) },
    in: { scores: port('metrics', { list: true }), others: port('metrics', { list: true, optional: true }) },
    names: { by: { names: 'axis', of: ['scores', 'others'] }, of: { names: 'number', of: 'others' } },
    draw: () => ({ files: {} }),
  });
  const mistakes = (params: string, more = ''): readonly string[] =>
    mistakesIn(
      `{ uses: report/extremes, in: { scores: { from: scores, collect: all }${more} }, with: { ${params} } }`,
      registryWith(extremes, mine(['margin'])),
    );
  expect(mistakes('by: epss')).toEqual(['unknown-name epss']);
  expect(mistakes('by: eps, of: whatever')).toEqual([]);
  expect(mistakes('by: eps, of: accuracy', ', others: { from: mine, collect: all }')).toEqual([
    'unknown-name accuracy',
  ]);
});

describe('the judgement before a run and the run agree', () => {
  const axes = ['attack', 'eps', 'seed'] as const;
  const numbers = ['accuracy', 'accuracyLow', 'n'];
  const cells = fc.uniqueArray(
    fc.record(Object.fromEntries(axes.map((axis) => [axis, fc.constantFrom(0, 1)])), {
      requiredKeys: [],
    }),
    { minLength: 1, maxLength: 5, selector: (cell) => JSON.stringify(Object.entries(cell).sort()) },
  );
  const axis = fc.constantFrom(...axes, 'accuracy');
  const someAxes = fc.option(fc.oneof(axis, fc.uniqueArray(axis, { maxLength: 3 })), { nil: undefined });
  const number = fc.constantFrom(...numbers, 'repeats', 'accuracyDeviation', 'eps');

  const value = {
    kind: 'metrics',
    rows: [{ axes: {}, values: { accuracy: 1, accuracyLow: 0, n: 1 } }],
    warnings: [],
  };
  const known = (list: readonly object[]): KnownInputs => ({
    scores: list.map((own) => ({
      uses: 'evaluate/robustness',
      port: 'metrics',
      cell: 0,
      params: {},
      seed: 0,
      inputs: () => ({}),
      caveats: () => ({}),
      facts: () => ({}),
      axes: own as KnownInputs[string][number]['axes'],
      innerAxes: [],
      values: numbers,
    })),
  });

  async function failureOf(stage: Stage, params: object, inputs: object): Promise<string | undefined> {
    const run = stage.run as unknown as (context: object) => Promise<unknown>;
    const whole = Value.Default(stage.with, { ...params });
    return run({ params: whole, inputs, printed: nothingPrinted, warn: () => {} }).then(
      () => undefined,
      (error: unknown) => (error as Error).message,
    );
  }
  const withoutAbsent = (params: object): object => JSON.parse(JSON.stringify(params)) as object;
  const judged = (stage: Stage, params: object, inputs: KnownInputs): readonly string[] =>
    [
      ...(stage.check?.(params as never) ?? []),
      ...(stage.checkInputs?.(params as never, inputs, () => null) ?? []),
    ].map(({ message }) => message);

  it('for tables, in what they refuse', async () => {
    const params = fc.record({ rows: someAxes, columns: someAxes, value: number, meanOver: someAxes });
    await fc.assert(
      fc.asyncProperty(cells, params, async (list, drawn) => {
        const given = { ...withoutAbsent(drawn), title: '', checks: false };
        const failure = await failureOf(tableStage, given, {
          scores: list.map((own) => ({ axes: own, value })),
        });
        const isJudged = judged(tableStage, given, known(list)).length > 0;
        // Rows that the table chooses itself are known when it is drawn.
        if (drawn.rows === undefined && !isJudged) return;
        expect(isJudged, failure).toBe(failure !== undefined);
      }),
      { numRuns: 1000 },
    );
  });

  it('for curves, but that a line over a number follows one axis', async () => {
    const params = fc.record({
      x: fc.oneof(axis, number),
      y: number,
      panel: someAxes,
      series: someAxes,
      meanOver: someAxes,
    });
    await fc.assert(
      fc.asyncProperty(cells, params, async (list, drawn) => {
        const given = { ...withoutAbsent(drawn), title: '', clean: false, pngScale: 0.5 };
        const failure = await failureOf(curvesStage, given, {
          scores: list.map((own) => ({ axes: own, value })),
        });
        if (failure?.includes('can follow one axis') === true) return;
        expect(judged(curvesStage, given, known(list)).length > 0, failure).toBe(failure !== undefined);
      }),
      { numRuns: 100 },
    );
  });

  it('for grids of images', async () => {
    const picture = {
      kind: 'images',
      pixels: new Uint8Array(1),
      shape: [1, 1, 1, 1],
      views: 1,
      labels: Int32Array.of(0),
      ids: Int32Array.of(0),
      classes: [],
    };
    await fc.assert(
      fc.asyncProperty(cells, cells, axis, axis, async (attacked, defended, rows, columns) => {
        const given = { rows, columns, count: 1, scale: 1, differences: 'none', across: 'images', title: '' };
        const versions = (list: readonly object[]): object[] =>
          list.map((own) => ({ axes: own, value: picture }));
        const failure = await failureOf(imagesStage, given, {
          originals: picture,
          adversarial: versions(attacked),
          defended: versions(defended),
        });
        const inputs = {
          originals: [],
          adversarial: known(attacked)['scores']!,
          defended: known(defended)['scores']!,
        };
        // Two versions with the same labels on all axes are told apart by nothing, which is left to the run.
        const keys = [...attacked, ...defended].map((own) => JSON.stringify(Object.entries(own).sort()));
        if (new Set(keys).size < keys.length) return;
        expect(judged(imagesStage, given, inputs).length > 0, failure).toBe(failure !== undefined);
      }),
      { numRuns: 200 },
    );
  });

  it('in the names that means have', () => {
    fc.assert(
      fc.property(
        fc.uniqueArray(fc.constantFrom('a', 'aLow', 'aHigh', 'b', 'bHigh', 'cLow', 'Low'), { minLength: 1 }),
        (names) => {
          const values = Object.fromEntries(names.map((name) => [name, 1]));
          const [row] = meanOver([{ axes: { seed: 1 }, values }], ['seed']);
          expect([...meanNames(names)].sort()).toEqual(Object.keys(row!.values).sort());
        },
      ),
    );
  });
});
