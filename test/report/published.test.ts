import fc from 'fast-check';
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { toCsv } from '../../src/report/csv.ts';
import { CsvError, readCsv } from '../../src/report/csv-records.ts';
import { formatPublished } from '../../src/report/format.ts';
import { readPublished } from '../../src/report/published.ts';
import { loadPipeline } from '../../src/dsl/load.ts';
import { runStage } from '../../src/kit/testing/run-stage.ts';
import { stages } from '../../src/stages/index.ts';
import { curvesStage } from '../../src/stages/report/curves.ts';
import { tableStage } from '../../src/stages/report/table.ts';
import type { Figure } from '../../src/values/figure.ts';
import { surveyStage } from '../stages/run-stage.ts';

const folder = mkdtempSync(join(tmpdir(), 'ravelin-published-'));
afterAll(() => rmSync(folder, { recursive: true }));

/** Writes a file of published values and returns its name. */
function fileOf(text: string | Uint8Array): string {
  const name = `published-${readdirSync(folder).length}.csv`;
  writeFileSync(join(folder, name), text);
  return name;
}

function errorOf(work: () => unknown): CsvError {
  try {
    work();
  } catch (error) {
    if (error instanceof CsvError) return error;
    throw error;
  }
  throw new Error('nothing was thrown');
}

describe('CSV', () => {
  test('is read as it was written, whatever the fields hold', () => {
    // A text that a spreadsheet would compute has an apostrophe in front (csv.ts), so that it is not read as it was.
    const computed = /^[=+\-@\t\r＝＋－＠]/;
    const field = fc.oneof(
      // White space around a bare field is dropped, and a bare # begins a comment.
      fc
        .string({ unit: 'binary' })
        .filter((text) => text.trim() === text && !text.startsWith('#') && !computed.test(text)),
      fc.constantFrom('"', 'a,b', 'a"b', 'a\r\n', 'two\nlines', 'a\rb,', ''),
    );
    fc.assert(
      fc.property(fc.array(fc.array(field, { minLength: 1, maxLength: 4 }), { maxLength: 4 }), (records) => {
        expect(readCsv(toCsv(records)).map((record) => record.map(({ text }) => text))).toEqual(records);
      }),
    );
  });

  test.each(['\n', '\r\n', '\r'])(
    'skips comments and empty lines, and counts lines that end in %j',
    (end) => {
      const cells = readCsv(['# a, "comment', '', 'a, b', '  ', '"x', 'y" ,z', 'last'].join(end));
      expect(cells.map((record) => record.map(({ text, line, column }) => [text, line, column]))).toEqual([
        [
          ['a', 3, 1],
          ['b', 3, 4],
        ],
        [
          [`x${end}y`, 5, 1],
          ['z', 6, 5],
        ],
        [['last', 7, 1]],
      ]);
    },
  );

  test.each([
    ['a,b\n1,"2', 2, 3, 'does not end'],
    ['a,b\n1,2"3"', 2, 4, 'the field has a quote inside'],
    ['a,b\n"1"x,2', 2, 4, 'goes on after its closing quote'],
  ])('%j is wrong at line %i, column %i', (text, line, column, message) => {
    const error = errorOf(() => readCsv(text));
    expect(error).toMatchObject({ line, column });
    expect(error.message).toContain(message);
  });
});

describe('published values', () => {
  test('are labels, numbers and a source; per cent and fractions are the same number', () => {
    const { axes, rows } = readPublished(
      '# from the text\nattack,eps,accuracy,source\nfgsm,8/255,65.41%,"Table 1, left"\nfgsm,,0.6541,\n',
      ['accuracy'],
    );
    expect(axes.map(({ name }) => name)).toEqual(['attack', 'eps']);
    expect(rows).toEqual([
      {
        axes: { attack: 'fgsm', eps: '8/255' },
        numbers: { accuracy: { value: 0.6541 } },
        source: 'Table 1, left',
        line: 3,
      },
      { axes: { attack: 'fgsm' }, numbers: { accuracy: { value: 0.6541 } }, source: '', line: 4 },
    ]);
  });

  test('may be ranges, and are shown with the digits that were published', () => {
    const [row] = readPublished('accuracyLow,accuracyHigh\n30%,40%\n', ['accuracy']).rows;
    expect(row!.numbers).toEqual({ accuracy: { value: null, low: 0.3, high: 0.4 } });
    expect(formatPublished('accuracy', row!.numbers['accuracy']!)).toBe('30–40 %');
    expect(formatPublished('accuracy', { value: 0.0184 })).toBe('1.84 %');
    expect(formatPublished('l2', { value: 1.2345 })).toBe('1.2345');
  });

  test.each([
    ['', 1, 1, 'no header'],
    ['# nothing\n', 1, 1, 'no header'],
    ['attack;accuracy\nfgsm;1', 1, 1, 'not separated by commas'],
    ['attack,\nfgsm,1', 1, 8, 'column 2 has no name'],
    ['attack,accuracy,attack\n', 1, 17, "two columns are called 'attack'"],
    ['attack,acuracy\n', 1, 1, "the report shows 'accuracy', and no column has that name"],
    ['attack,accuracy\nfgsm', 2, 1, 'the row has 1 field, but the header names 2 columns'],
    ['attack,accuracy\nfgsm,0.1,3', 2, 10, 'the row has 3 fields'],
    ['attack,accuracy\nfgsm,about 3', 2, 6, "'about 3' (accuracy) is not a number"],
    ['attack,accuracy\nfgsm,"0,5"', 2, 6, "'0,5' (accuracy) is not a number"],
    ['attack,accuracy\nfgsm,65.41', 2, 6, 'not a share between 0 and 1'],
    ['attack,accuracy\nfgsm,', 2, 1, 'the row has no number'],
    ['attack,accuracyLow,accuracyHigh\nfgsm,0.1,', 2, 6, 'the range has only one end'],
    ['attack,accuracyLow,accuracyHigh\nfgsm,0.2,0.1', 2, 6, 'not in order'],
    ['attack,accuracy\nfgsm,0.1\nfgsm,0.2', 3, 1, 'the same labels as line 2'],
    ['attack,accuracy\nfg\u001B[2Jsm,0.1', 2, 1, 'control character U+001B'],
  ])('%j is wrong at line %i, column %i: %s', (text, line, column, message) => {
    const error = errorOf(() => readPublished(text, ['accuracy']));
    expect(error).toMatchObject({ line, column });
    expect(error.message).toContain(message);
    expect(error.fix).not.toBe('');
  });

  test('any text is read or refused with a place, never anything else', () => {
    const part = fc.oneof(
      fc.constantFrom(',', '"', '\n', '#', 'accuracy', 'attack', '0.5', '%', 'source', '__proto__'),
      fc.string({ maxLength: 3 }),
    );
    fc.assert(
      fc.property(fc.array(part, { maxLength: 20 }), (parts) => {
        try {
          readPublished(parts.join(''), ['accuracy']);
        } catch (error) {
          expect(error).toBeInstanceOf(CsvError);
        }
      }),
    );
  });
});

const scored = (axes: object, values: object) => ({
  axes,
  value: { kind: 'metrics', rows: [{ axes: {}, values }], warnings: [] },
});
const scores = ['fgsm', 'pgd'].flatMap((attack) =>
  [0.02, 0.06].map((strength) =>
    scored({ attack, strength }, { accuracy: 0.5 - strength, dissimilarity: strength * 1.01 }),
  ),
);
const text = (bytes: Uint8Array | undefined): string => new TextDecoder().decode(bytes);

async function draw(
  stage: typeof tableStage,
  params: Record<string, string>,
  given: readonly object[] = scores,
): Promise<{ files: Figure['files']; warnings: readonly string[] }> {
  const { outputs, warnings } = await runStage(stage, params, { inputs: { scores: given }, folder });
  return { files: (outputs[stage.defaultOutput] as Figure).files, warnings };
}

describe('report/table with published values', () => {
  const table = { rows: 'attack', columns: 'strength' };

  test('shows both in a cell, names the sources, and gives the CSV a column of its own', async () => {
    const published = fileOf(
      'attack,strength,accuracy,source\nfgsm,0.060,43.89%,Table 2\npgd,0.02,1.84%,\nother,0.02,9%,Table 9\n',
    );
    const { files, warnings } = await draw(tableStage, { ...table, published });
    expect(text(files['md'])).toBe(
      [
        '| attack |            0.02 |             0.06 |',
        '| ------ | --------------: | ---------------: |',
        '| fgsm   |          48.0 % | 44.0 % / 43.89 % |',
        '| pgd    | 48.0 % / 1.84 % |           44.0 % |',
        '',
        'Cells with a slash: ours / published (Table 2).',
        '',
      ].join('\n'),
    );
    expect(text(files['csv'])).toBe(
      'attack,0.02,0.02 published,0.06,0.06 published\r\nfgsm,0.48,,0.44,0.4389\r\npgd,0.48,0.0184,0.44,\r\n',
    );
    expect(text(files['txt'])).toContain('Cells with a slash: ours / published (Table 2).');
    expect(JSON.parse(text(files['json']))).toContainEqual({
      attack: 'fgsm',
      strength: 0.06,
      accuracy: 0.44,
      dissimilarity: 0.06 * 1.01,
      accuracyPublished: 0.4389,
    });
    expect(warnings).toEqual([]);
  });

  test('an empty field stands for all labels, and a row with more labels goes before it', async () => {
    const published = fileOf(
      'attack,strength,accuracy,accuracyLow,accuracyHigh\nfgsm,,,30%,40%\nfgsm,0.06,31%,,\n',
    );
    const { files } = await draw(tableStage, { ...table, published });
    expect(text(files['md'])).toContain('| fgsm   | 48.0 % / 30–40 % | 44.0 % / 31 % |');
    expect(text(files['csv'])).toContain('0.02 published low,0.02 published high');
  });

  test('a place without a score of ours shows the published number alone', async () => {
    const published = fileOf('attack,strength,accuracy\nfgsm,0.06,43.89%\n');
    const { files } = await draw(
      tableStage,
      { ...table, published },
      scores.filter(({ axes }) => JSON.stringify(axes) !== '{"attack":"fgsm","strength":0.06}'),
    );
    expect(text(files['md'])).toContain('| fgsm   | 48.0 % | – / 43.89 % |');
  });

  test('warns if no published value is about a score, and draws the table', async () => {
    const published = fileOf('attack,strength,accuracy\nfgsm,0.04,43.89%\n');
    const { files, warnings } = await draw(tableStage, { ...table, published });
    expect(warnings).toEqual([
      `none of the 1 published values of ${published} is about one of the scores (attack: fgsm; strength: 0.04)`,
    ]);
    expect(text(files['md'])).not.toContain('slash');
  });

  test.each([
    ['attack,strength,accuracy\nfgsm,0.06,44\n', 'line 2, column 11: ', 'write 44% if it is per cent'],
    [
      'atack,strength,accuracy\nfgsm,0.06,44%\n',
      "line 1, column 1: the column 'atack' is not an axis of the scores; did you mean 'attack'?",
      'rename or delete it; the axes of the scores are attack, strength',
    ],
    [
      'attack,accuracy\nfgsm,44%\n',
      "line 1, column 1: the file does not say for which 'strength' its numbers are",
      'an empty field means all',
    ],
    [
      'attack,strength,accuracy\nfgms,0.06,44%\n',
      "line 2, column 1: 'fgms' is not a label of 'attack' in the scores; did you mean 'fgsm'?",
      'write the labels of the scores',
    ],
    [
      'attack,strength,accuracy\nfgsm,,44%\n,0.06,45%\n',
      'line 3, column 1: this row and line 2 are about the same score',
      'give each a label that the other lacks',
    ],
  ])('%j is refused with its place', async (content, message, fix) => {
    const published = fileOf(content);
    await expect(draw(tableStage, { ...table, published })).rejects.toMatchObject({
      name: 'StageError',
      file: join(folder, published),
      message: expect.stringContaining(message) as string,
      fix: expect.stringContaining(fix) as string,
    });
  });

  test('bytes that are no text are refused at the plan already, with their place', async () => {
    const published = fileOf(Buffer.from([...Buffer.from('attack,accuracy\nf'), 0xff, 0x0a]));
    await expect(surveyStage('report/table', { published }, folder)).rejects.toMatchObject({
      message: `${published}, line 2, column 2: the file is not UTF-8`,
    });
    await expect(surveyStage('report/table', { published: 'absent.csv' }, folder)).rejects.toMatchObject({
      message: 'the file of published values does not exist',
      code: 'io',
    });
    await expect(surveyStage('report/table', { published: '.' }, folder)).rejects.toMatchObject({
      message: 'the published values are not a regular file',
    });
  });

  test('the file is part of the key, and a report without one has none', async () => {
    const published = fileOf('\uFEFFattack,strength,accuracy\n');
    const survey = await surveyStage('report/table', { published }, folder);
    expect(survey!.files(0, 0)).toEqual([join(folder, published)]);
    expect((await surveyStage('report/table', {}, folder))!.files(0, 0)).toEqual([]);
    expect((await surveyStage('report/curves', { x: 'strength', published }, folder))!.files(0, 0)).toEqual([
      join(folder, published),
    ]);
  });
});

describe('report/curves with published values', () => {
  /** `series x y` of the published points, and `series low high` of the bands. */
  const marks = (svg: string): readonly string[] =>
    [...svg.matchAll(/<g class="published" data-series="([^"]*)"([^>]*)>(.*?)<\/g>/g)].flatMap(
      ([, series, attributes, content]) => {
        const band = /data-low="([^"]*)" data-high="([^"]*)"/.exec(attributes!);
        const points = [...content!.matchAll(/data-x="([^"]*)" data-y="([^"]*)"/g)];
        return [
          ...(band === null ? [] : [`${series} ${band[1]}–${band[2]}`]),
          ...points.map(([, x, y]) => `${series} ${x} ${y}`),
        ];
      },
    );

  test('draws points at their labels, also where we have none, and names the source', async () => {
    const published = fileOf(
      'attack,strength,accuracy,source\nfgsm,0.06,40%,Table 2\npgd,0.1,30%,Table 2\nother,0.02,1%,Table 9\n',
    );
    const { files } = await draw(curvesStage, { x: 'strength', series: 'attack', published });
    expect(marks(text(files['svg']))).toEqual(['fgsm 0.06 40', 'pgd 0.1 30']);
    expect(text(files['svg'])).toContain('>published: Table 2<');
    expect(text(files['csv']).split('\r\n').slice(5)).toEqual([
      'fgsm,0.06,Table 2,,,0.4',
      'pgd,0.1,Table 2,,,0.3',
      '',
    ]);
  });

  test('draws them at the achieved number of the score with their labels, or at the number in the file', async () => {
    const byLabel = fileOf('attack,strength,accuracy\nfgsm,0.06,40%\n');
    const given = { x: 'dissimilarity', series: 'attack' };
    expect(marks(text((await draw(curvesStage, { ...given, published: byLabel })).files['svg']))).toEqual([
      `fgsm ${0.06 * 1.01} 40`,
    ]);
    const byNumber = fileOf('attack,dissimilarity,accuracy\nfgsm,0.08,40%\n');
    expect(marks(text((await draw(curvesStage, { ...given, published: byNumber })).files['svg']))).toEqual([
      'fgsm 0.08 40',
    ]);
  });

  test('an empty field on x is a band or a line over the panel', async () => {
    const published = fileOf(
      'attack,strength,accuracy,accuracyLow,accuracyHigh\nfgsm,,,30%,40%\npgd,,50%,,\n',
    );
    for (const x of ['strength', 'dissimilarity']) {
      const svg = text((await draw(curvesStage, { x, series: 'attack', published })).files['svg']);
      expect(marks(svg)).toEqual(['fgsm 30–40']);
      expect(svg).toMatch(/<line class="published" data-series="pgd"[^>]* data-y="50"/);
    }
  });

  test('a number of another model than that of the scores is not drawn', async () => {
    const published = fileOf('attack,strength,model,accuracy\nfgsm,0.06,a,40%\nfgsm,0.06,b,30%\n');
    const ofModel = scores.map(({ axes, value }) => ({ axes: { ...axes, model: 'a' }, value }));
    const { files } = await draw(curvesStage, { x: 'strength', series: 'attack', published }, ofModel);
    expect(marks(text(files['svg']))).toEqual(['fgsm 0.06 40']);
  });
});

describe('ravelin validate looks into the file', () => {
  const problemsOf = (report: string, content: string): readonly string[] => {
    const loaded = loadPipeline({
      file: '/project/main.yaml',
      root: '/project',
      registry: stages,
      env: {},
      readFile: () => `ravelin: 1
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
  report: { in: { scores: { from: scores, collect: all } }, ${report} }
`,
      readData: (path) => (path === '/project/published.csv' ? new TextEncoder().encode(content) : null),
    });
    return loaded.ok ? [] : loaded.diagnostics.map(({ code, message }) => `${code} ${message}`);
  };
  const table = 'uses: report/table, with: { published: published.csv }';
  const curves = 'uses: report/curves, with: { x: eps, series: attack, published: published.csv }';

  test.each([
    [table, 'attack,eps,accuracy\nfgsm,8/255,40\n', 'line 2, column 12'],
    [table, 'attack,epsilon,accuracy\nfgsm,8/255,40%\n', "'epsilon' is not an axis"],
    [table, 'attack,accuracy\nfgsm,40%\n', "for which 'eps' its numbers are"],
    [table, 'attack,eps,accuracy\nfgms,8/255,40%\n', "did you mean 'fgsm'?"],
    [
      curves,
      'attack,eps,acuracy\nfgsm,8/255,40%\n',
      "the report shows 'accuracy', and no column has that name",
    ],
    [curves, 'attack,accuracy\nfgsm,40%\n', "for which 'eps' its numbers are"],
  ])('%s with %j', (report, content, message) => {
    expect(problemsOf(report, content)).toEqual([expect.stringContaining(message) as string]);
    expect(problemsOf(report, content)[0]).toMatch(/^bad-file published\.csv, line /);
  });

  test('and finds nothing wrong in labels of which a run computes a part', () => {
    const content = 'attack,eps,successRate,accuracy\nfgsm,8/255,1,40%\ndeepfool,4/255,1,20%\nfgsm,,,10%\n';
    expect(problemsOf(table, content)).toEqual([]);
    expect(problemsOf(curves, content)).toEqual([]);
    expect(problemsOf('uses: report/table, with: { published: gone.csv }', content)).toEqual([]);
  });
});
