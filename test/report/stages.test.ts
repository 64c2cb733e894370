import { Value } from '@sinclair/typebox/value';
import sharp from 'sharp';
import { describe, expect, test } from 'vitest';
import { nothingPrinted, type Printed, type Stage } from '../../src/runtime/stage.ts';
import { seriesLook } from '../../src/report/palette.ts';
import { curvesStage } from '../../src/stages/report/curves.ts';
import { imagePairs } from '../../src/stages/report/shared/image-pairs.ts';
import { imageVersions } from '../../src/stages/report/shared/image-versions.ts';
import { imagesByAxes } from '../../src/stages/report/shared/image-axes.ts';
import { imagesStage } from '../../src/stages/report/images.ts';
import { tableStage } from '../../src/stages/report/table.ts';
import type { Figure } from '../../src/values/figure.ts';
import type { Images } from '../../src/values/images.ts';

/** Runs a stage outside the runtime: a report reads nothing of its context but params, inputs and what it prints of the run. */
async function figureOf(
  stage: Stage,
  params: object,
  inputs: object,
  printed: Printed = nothingPrinted,
): Promise<Figure> {
  const run = stage.run as unknown as (context: object) => Promise<Readonly<Record<string, Figure>>>;
  const whole = Value.Default(stage.with, { ...params });
  return (await run({ params: whole, inputs, printed, warn: () => {} }))[stage.defaultOutput]!;
}

const scores = ['fgsm', 'i-fgsm'].flatMap((attack) =>
  [0, 0.06].map((strength) => ({
    axes: { attack, strength },
    value: {
      kind: 'metrics',
      rows: [
        {
          axes: {},
          values: { accuracy: 0.9 - strength, accuracyLow: 0.8, accuracyHigh: 0.95, dissimilarity: strength },
        },
      ],
      warnings: [],
    },
  })),
);
const curves = {
  x: 'strength',
  y: 'accuracy',
  series: 'attack',
  title: '',
  clean: true,
  pngScale: 1,
};
const text = (bytes: Uint8Array | undefined) => new TextDecoder().decode(bytes);

describe('report/curves', () => {
  test('gives the figure and the data behind it', async () => {
    const figure = await figureOf(curvesStage, curves, { scores });
    expect(Object.keys(figure.files).sort()).toEqual(['csv', 'json', 'pdf', 'png', 'svg']);
    expect(text(figure.files['svg'])).toContain('data-series="i-fgsm"');
    expect(text(figure.files['csv']).split('\r\n')[0]).toBe(
      'attack,strength,accuracy,accuracyLow,accuracyHigh,dissimilarity',
    );
    expect((await sharp(figure.files['png']).metadata()).format).toBe('png');
  });

  test.each([
    [{ x: 'strenght' }, "'strenght' (x) is not an axis or a number of the scores", "set x to 'strength'"],
    [{ y: 'acuracy' }, "'acuracy' (y) is not a number of the scores", "set y to 'accuracy'"],
    [
      { panel: 'defense' },
      "'defense' (panel) is not an axis of the scores; known are 'attack', 'strength'",
      'set panel',
    ],
    [{ series: [] }, "they differ only in 'attack'", "add 'attack' to panel or series"],
    [{ x: 'dissimilarity', series: [] }, "but 'attack', 'strength' all vary", 'add all but one'],
  ])('%j is refused with what to do', async (change, message, fix) => {
    await expect(figureOf(curvesStage, { ...curves, ...change }, { scores })).rejects.toMatchObject({
      name: 'StageError',
      message: expect.stringContaining(message) as string,
      fix: expect.stringContaining(fix) as string,
    });
  });

  test('the footer says the number of images, what the intervals are, and what computed them', async () => {
    const counted = scores.map(({ axes, value }) => ({
      axes,
      value: { ...value, rows: value.rows.map((row) => ({ ...row, values: { ...row.values, n: 50 } })) },
    }));
    const printed = { backend: 'wasm', axes: {} };
    const svgOf = async (params: object): Promise<string> =>
      text(
        (await figureOf(curvesStage, { ...curves, ...params }, { scores: counted }, printed)).files['svg'],
      );
    expect(await svgOf({})).toContain('>n = 50, 95 % intervals, computed with wasm</text>');
    expect(await svgOf({ footer: 'Own words' })).toContain('>Own words</text>');
    expect(await svgOf({ footer: false })).not.toContain('computed with');
  });

  test('a line has the look of its label in the pipeline, whichever labels the figure shows', async () => {
    const printed = { backend: null, axes: { attack: ['deepfool', 'fgsm', 'i-fgsm'] } };
    const coloursOf = async (shown: typeof scores): Promise<Readonly<Record<string, string>>> => {
      const { files } = await figureOf(curvesStage, curves, { scores: shown }, printed);
      const lines = text(files['svg']).matchAll(/data-series="([^"]+)"[^>]*>.*?stroke="(#\w+)"/g);
      return Object.fromEntries([...lines].map(([, name, colour]) => [name!, colour!]));
    };
    const all = await coloursOf(scores);
    const only = await coloursOf(scores.filter(({ axes }) => axes.attack === 'i-fgsm'));
    expect(all).toEqual({ fgsm: seriesLook(1).colour, 'i-fgsm': seriesLook(2).colour });
    expect(only).toEqual({ 'i-fgsm': seriesLook(2).colour });
  });

  test('no scores at all are refused', async () => {
    await expect(figureOf(curvesStage, curves, { scores: [] })).rejects.toThrow(
      'there are no scores to report',
    );
  });
});

describe('report/table', () => {
  test('heads the rows with every axis that varies unless told', async () => {
    const { files } = await figureOf(
      tableStage,
      { columns: 'strength', value: 'accuracy', title: 'Scores' },
      { scores },
    );
    expect(text(files['md'])).toContain('### Scores\n\n| attack |');
    expect(text(files['md']).split('\n')[4]).toBe('| fgsm   | 90.0 % [80.0, 95.0] | 84.0 % [80.0, 95.0] |');
    expect(Object.keys(files).sort()).toEqual(['csv', 'json', 'md', 'tex', 'txt']);
  });

  test('shows display names, and keeps the names of the data in CSV and JSON', async () => {
    const params = { columns: 'attack', labels: { fgsm: 'FGSM', accuracy: 'Top 1' } };
    const { files } = await figureOf(tableStage, params, { scores });
    expect(text(files['md'])).toContain('FGSM');
    expect(text(files['csv']).split('\r\n')[0]).toBe(
      'strength,fgsm,fgsm low,fgsm high,i-fgsm,i-fgsm low,i-fgsm high',
    );
    expect(text(files['json'])).toContain('"attack": "fgsm"');
  });

  test('refuses one axis on both sides', async () => {
    const params = { rows: 'attack', columns: 'attack', value: 'accuracy', title: '' };
    await expect(figureOf(tableStage, params, { scores })).rejects.toThrow(
      "'attack' is in both rows and columns",
    );
  });
});

function images(ids: number[], value: number, views = 1): Images {
  const rows = ids.length * views;
  const pixels = new Float32Array(rows * 4).map(
    (_, index) => value + ids[Math.floor(index / 4 / views)]! / 100,
  );
  return {
    kind: 'images',
    pixels,
    shape: [rows, 2, 2, 1],
    views,
    labels: Int32Array.from(ids),
    ids: Int32Array.from(ids),
    classes: [],
  };
}

describe('the checks of report/table', () => {
  const scored = (attacker: string, epsilon: string, accuracy: number, warnings: readonly string[] = []) => ({
    axes: { attacker, epsilon },
    value: { kind: 'metrics', rows: [{ axes: {}, values: { n: 200, accuracy } }], warnings },
  });
  const sound = [
    scored('gray-box', '2/255', 0.8),
    scored('gray-box', '8/255', 0.4),
    scored('adaptive', '2/255', 0.3),
    scored('adaptive', '8/255', 0.01, ['the attack left 3 of 200 images exactly as they were']),
  ];
  const broken = [...sound.slice(0, 3), scored('adaptive', '8/255', 0.7)];
  async function run(params: object, inputs: object): Promise<{ figure: Figure; warned: readonly string[] }> {
    const warned: string[] = [];
    const stage = tableStage.run as unknown as (context: object) => Promise<{ table: Figure }>;
    const given = Value.Default(tableStage.with, { ...params });
    const { table } = await stage({
      params: given,
      inputs,
      printed: { backend: 'wasm', axes: {} },
      warn: (message: string) => warned.push(message),
    });
    return { figure: table, warned };
  }

  test('print what failed below the table and warn of it, each kind once', async () => {
    const { figure, warned } = await run({}, { scores: broken });
    expect(warned).toEqual([
      expect.stringContaining(
        'accuracy rises from 40.0 % at attacker=gray-box to 70.0 % at attacker=adaptive (epsilon=8/255)',
      ),
      expect.stringContaining(
        'accuracy rises from 30.0 % at epsilon=2/255 to 70.0 % at epsilon=8/255 (attacker=adaptive)',
      ),
    ]);
    expect(text(figure.files['md'])).toContain('\n- **Warning:** accuracy rises from 40.0 %');
    expect(text(figure.files['txt'])).toContain('\nwarning: accuracy rises from 30.0 %');
    expect(text(figure.files['csv'])).not.toContain('rises');
  });

  test('know that APGD and AutoAttack are better than PGD', async () => {
    const after = (attack: string, accuracy: number) => ({
      ...scored('gray-box', '8/255', accuracy),
      axes: { attack, epsilon: '8/255' },
    });
    for (const better of ['apgd', 'auto-attack', 'autoattack']) {
      const { warned } = await run({}, { scores: [after('pgd', 0.005), after(better, 0.11)] });
      expect(warned).toEqual([expect.stringContaining(`at attack=pgd to 11.0 % at attack=${better}`)]);
      expect((await run({}, { scores: [after('pgd', 0.11), after(better, 0.005)] })).warned).toEqual([]);
    }
  });

  test('are silent on sound scores, whose own warnings are printed with the cell that they belong to', async () => {
    const { figure, warned } = await run({}, { scores: sound });
    expect(warned).toEqual([]);
    expect(text(figure.files['md'])).toContain(
      '\n- **Warning:** attacker=adaptive, epsilon=8/255: the attack left 3 of 200 images exactly as they were\n',
    );
  });

  test('stand below the line with the backend', async () => {
    const { figure } = await run({}, { scores: broken });
    expect(text(figure.files['md'])).toMatch(/\n\nn = 200, computed with wasm\n\n- \*\*Warning/);
    expect(text(figure.files['txt'])).toContain('\nn = 200, computed with wasm\n');
    expect(text(figure.files['tex'])).toContain('% n = 200, computed with wasm\n');
    const without = await run({ footer: false }, { scores: sound });
    expect(text(without.figure.files['md'])).not.toContain('computed with');
  });

  test('can be turned off, and leave tables of other numbers alone', async () => {
    expect((await run({ checks: false }, { scores: broken })).warned).toEqual([]);
    expect((await run({ value: 'n' }, { scores: broken })).warned).toEqual([]);
  });
});

describe('report/images', () => {
  const params = { count: 2, scale: 10, differences: 'adversarial', across: 'images', title: '' } as const;

  test('pairs versions by id, shows the first view, and leaves absent images empty', () => {
    const grid = imageVersions(
      images([7, 8, 9], 0),
      [{ axes: { attack: 'fgsm' }, value: images([9, 8], 0.01) }],
      [
        { axes: { attack: 'fgsm', defense: 'jpeg' }, value: images([8, 7], 0.5, 3) },
        { axes: { attack: 'fgsm', defense: 'bits' }, value: images([7], 0.5) },
      ],
      params,
    );
    expect(grid.columns).toEqual(['class 7', 'class 8']);
    expect(grid.rows.map((row) => row.label)).toEqual(['original', 'fgsm', 'difference ×10', 'jpeg', 'bits']);
    expect(grid.rows[1]!.tiles[0]).toBeNull();
    expect(grid.rows[1]!.tiles[1]!.pixels[0]).toBeCloseTo(0.09);
    expect(grid.rows[2]!.tiles[1]!.pixels[0]).toBeCloseTo(0.6);
    expect(grid.rows[3]!.tiles.map((tile) => tile!.pixels[0]!.toFixed(2))).toEqual(['0.57', '0.58']);
    expect(grid.rows[4]!.tiles[1]).toBeNull();
    const turned = imageVersions(images([7, 8, 9], 0), [], [], {
      ...params,
      across: 'versions',
      indices: [2],
    });
    expect(turned).toMatchObject({ columns: ['original'], rows: [{ label: 'class 9' }] });
  });

  test('with defended originals is figure 2: original, adversarial and difference behind each defense', async () => {
    const defense = (label: string, value: Images, attack?: string) => ({
      axes: { ...(attack !== undefined && { attack }), defense: label },
      value,
    });
    const inputs = {
      originals: images([7, 8], 0),
      adversarial: [{ axes: {}, value: images([7, 8], 0.2) }],
      defended: [
        defense('tvm', images([7, 8], 0.3), 'fgsm'),
        defense('quilting', images([7, 8], 0.4), 'fgsm'),
      ],
      defendedOriginals: [defense('quilting', images([7, 8], 0.35)), defense('tvm', images([7, 8], 0.28))],
    };
    const { originals, adversarial, defended, defendedOriginals } = inputs;
    const choice = { ...params, indices: [1] };
    const grid = imagePairs(originals, adversarial, defended, defendedOriginals, choice);
    expect(grid.columns).toEqual(['no defense', 'tvm', 'quilting']);
    expect(grid.rows.map((row) => row.label)).toEqual(['original', 'adversarial', 'difference ×10']);
    const shown = grid.rows.map((row) => row.tiles.map((tile) => tile!.pixels[0]!.toFixed(2)));
    expect(shown).toEqual([
      ['0.08', '0.36', '0.43'],
      ['0.28', '0.38', '0.48'],
      ['2.50', '0.70', '1.00'],
    ]);
    const { files } = await figureOf(imagesStage, params, inputs);
    expect((await sharp(files['png']).metadata()).format).toBe('png');
    await expect(
      figureOf(imagesStage, params, { ...inputs, defendedOriginals: inputs.defendedOriginals.slice(1) }),
    ).rejects.toThrow('no defended originals for the defended version [attack=fgsm, defense=quilting]');
    await expect(figureOf(imagesStage, params, { ...inputs, adversarial: [] })).rejects.toThrow(
      'shows one adversarial version, not 0',
    );
  });

  test('draws a PNG', async () => {
    const { files } = await figureOf(imagesStage, params, { originals: images([0, 1], 0) });
    expect((await sharp(files['png']).metadata()).format).toBe('png');
  });

  test('an index beyond the images is refused', async () => {
    const promise = figureOf(imagesStage, { ...params, indices: [5] }, { originals: images([0, 1], 0) });
    await expect(promise).rejects.toThrow(
      'there is no image 5 (indices): the originals are 2 images, 0 to 1',
    );
  });

  describe('by axes', () => {
    const choice = { count: 1, scale: 10, differences: 'adversarial', title: '' } as const;
    const version = (attack: string, strength: number) => ({
      axes: { attack, strength },
      value: images([4, 7], strength),
    });
    const all = ['fgsm', 'pgd'].flatMap((attack) =>
      [0.02, 0.04].map((strength) => version(attack, strength)),
    );
    const axes = { rows: 'attack', columns: 'strength' };

    test('puts attacks below each other and strengths side by side, with the scaled perturbation under each', () => {
      const grid = imagesByAxes(images([7, 8], 0), all, axes, choice);
      expect(grid.columns).toEqual(['original', 'strength 0.02', 'strength 0.04']);
      expect(grid.rows.map((row) => row.label)).toEqual(['fgsm', 'difference ×10', 'pgd', 'difference ×10']);
      expect(grid.rows.map((row) => row.tiles.map((tile) => tile?.pixels[0]?.toFixed(2) ?? null))).toEqual([
        ['0.07', '0.09', '0.11'],
        [null, '0.70', '0.90'],
        [null, '0.09', '0.11'],
        [null, '0.70', '0.90'],
      ]);
    });

    test('gives each of several images its block and leaves the place of a missing version empty', () => {
      const grid = imagesByAxes(images([7, 8], 0), all.slice(1), axes, {
        ...choice,
        count: 2,
        differences: 'none',
      });
      expect(grid.rows.map((row) => row.label)).toEqual([
        'class 7, fgsm',
        'class 7, pgd',
        'class 8, fgsm',
        'class 8, pgd',
      ]);
      expect(grid.columns).toEqual(['original', 'strength 0.04', 'strength 0.02']);
      expect(grid.rows[0]!.tiles[2]).toBeNull();
      expect(grid.rows[2]!.tiles).toEqual([expect.anything(), null, null]);
    });

    test('names the axis that is not there, and the one that tells two versions apart', () => {
      expect(() => imagesByAxes(images([7], 0), all, { ...axes, columns: 'strenght' }, choice)).toThrow(
        "'strenght' (columns) is not an axis of the images; known are 'attack', 'strength'",
      );
      const twice = all.map((item, index) => ({ ...item, axes: { ...item.axes, defense: index } }));
      expect(() =>
        imagesByAxes(
          images([7], 0),
          [...twice, { ...twice[0]!, axes: { ...twice[0]!.axes, defense: 9 } }],
          axes,
          choice,
        ),
      ).toThrow("they differ only in 'defense'");
    });
  });
});
