import { describe, expect, it } from 'vitest';
import { publishPath, whyProtected, whyUnwritable } from '../../src/dsl/cells/publish-path.ts';
import { cellsOf, graphOf, load, mistakesOf } from './fakes.ts';

const base = `ravelin: 1
stages:
  photos: { uses: data/photos }
  net: { uses: data/net }
`;
const attacked = `${base}  bad:
    in: { images: photos, model: net }
    with: { epsilon: $(axes.eps) }
    matrix:
      attack: { one: { uses: attack/one }, two: { uses: attack/two, with: { steps: 5 } } }
      eps: [2/255, 8/255]
`;

describe('axes', () => {
  it('propagate, outermost first, in the order in which they are written', () => {
    const graph = graphOf(
      `${attacked}  blurred: { uses: defense/blur, in: { images: bad }, with: { radius: $(axes.radius) }, matrix: { radius: [1, 2] } }\n`,
    );
    expect(cellsOf(graph).slice(2)).toEqual([
      'bad[attack=one,eps=2/255] ← images: photos, model: net',
      'bad[attack=one,eps=8/255] ← images: photos, model: net',
      'bad[attack=two,eps=2/255] ← images: photos, model: net',
      'bad[attack=two,eps=8/255] ← images: photos, model: net',
      ...['one,eps=2/255', 'one,eps=8/255', 'two,eps=2/255', 'two,eps=8/255'].flatMap((from) =>
        [1, 2].map((radius) => `blurred[attack=${from},radius=${radius}] ← images: bad[attack=${from}]`),
      ),
    ]);
  });

  it('keep the text of a fraction as label and give its number to a parameter', () => {
    const cell = graphOf(attacked).cells[2]!;
    expect(cell.axes).toEqual({ attack: 'one', eps: '2/255' });
    expect(cell.params).toEqual({ epsilon: 2 / 255, steps: 10, space: 'pixel' });
    expect(graphOf(attacked).cells[4]!.params).toEqual({ epsilon: 2 / 255, steps: 5, space: 'pixel' });
  });

  it('join on common names by label', () => {
    const graph = graphOf(`ravelin: 1
stages:
  a: { uses: data/photos, matrix: { x: [1, 2, 3], y: [p, q] } }
  b: { uses: data/photos, matrix: { x: [3, 2], z: [r] } }
  c: { uses: defense/blur, in: { images: a, library: b } }
`);
    expect(cellsOf(graph).filter((cell) => cell.startsWith('c'))).toEqual([
      'c[x=2,y=p,z=r] ← images: a[x=2,y=p], library: b[x=2,z=r]',
      'c[x=2,y=q,z=r] ← images: a[x=2,y=q], library: b[x=2,z=r]',
      'c[x=3,y=p,z=r] ← images: a[x=3,y=p], library: b[x=3,z=r]',
      'c[x=3,y=q,z=r] ← images: a[x=3,y=q], library: b[x=3,z=r]',
    ]);
  });

  it('are dropped by where with one label and kept by where with a list', () => {
    const one = graphOf(
      `${attacked}  c: { uses: defense/blur, in: { images: { from: bad, where: { attack: two } } } }\n`,
    );
    expect(cellsOf(one).slice(-2)).toEqual([
      'c[eps=2/255] ← images: bad[attack=two,eps=2/255]',
      'c[eps=8/255] ← images: bad[attack=two,eps=8/255]',
    ]);
    const list = graphOf(
      `${attacked}  c: { uses: defense/blur, in: { images: { from: bad, where: { attack: [two], eps: 8/255 } } } }\n`,
    );
    expect(cellsOf(list).at(-1)).toBe('c[attack=two] ← images: bad[attack=two,eps=8/255]');
  });

  it('are selected by first, last, min and max, in the order in which they are written', () => {
    const text = attacked.replace('[2/255, 8/255]', '[8/255, 2/255, 4/255]');
    const reader = (where: string): string =>
      cellsOf(graphOf(`${text}  c: { uses: defense/blur, in: { images: { from: bad, where: ${where} } } }\n`))
        .filter((cell) => cell.startsWith('c'))
        .map((cell) => cell.replace(/^c.* ← images: /, ''))
        .join(' ');
    expect(reader('{ attack: first, eps: last }')).toBe('bad[attack=one,eps=4/255]');
    expect(reader('{ eps: first, attack: last }')).toBe('bad[attack=two,eps=8/255]');
    expect(reader('{ eps: max, attack: one }')).toBe('bad[attack=one,eps=8/255]');
    expect(reader('{ eps: min, attack: one }')).toBe('bad[attack=one,eps=2/255]');
    expect(reader('{ eps: [first, max], attack: one }')).toBe('bad[attack=one,eps=8/255]');
    // A label of that name is meant, if there is one.
    const named = `${base}  a: { uses: data/photos, matrix: { x: [last, 1] } }
  c: { uses: defense/blur, in: { images: { from: a, where: { x: last } } } }\n`;
    expect(cellsOf(graphOf(named)).at(-1)).toBe('c ← images: a[x=last]');
  });

  it('are picked among the cells that the labels select, also where combinations are missing', () => {
    const ragged = `${attacked}      exclude: [{ attack: one, eps: max }, { attack: two, eps: first }]\n`;
    const reader = (where: string): string | undefined =>
      cellsOf(
        graphOf(`${ragged}  c: { uses: defense/blur, in: { images: { from: bad, where: ${where} } } }\n`),
      ).at(-1);
    expect(reader('{ eps: last, attack: one }')).toBe('c ← images: bad[attack=one,eps=2/255]');
    expect(reader('{ attack: two, eps: min }')).toBe('c ← images: bad[attack=two,eps=8/255]');
  });

  it('are picked by stages further on in the order of the stage that has the axis', () => {
    const text = `${attacked.replace('[2/255, 8/255]', '[0.3, 0.1, 0.2]')}      exclude: [{ attack: one, eps: [0.3, 0.1] }]
  blurred: { uses: defense/blur, in: { images: bad } }
  c: { uses: defense/blur, in: { images: { from: blurred, where: { eps: first, attack: last } } } }
  d: { uses: defense/blur, in: { images: blurred }, matrix: { radius: [1], exclude: [{ eps: last }] } }
`;
    expect(cellsOf(graphOf(text)).filter((cell) => /^[cd]/.test(cell))).toEqual([
      'c ← images: blurred[attack=two,eps=0.3]',
      'd[attack=two,eps=0.3,radius=1] ← images: blurred[attack=two,eps=0.3]',
      'd[attack=two,eps=0.1,radius=1] ← images: blurred[attack=two,eps=0.1]',
    ]);
  });

  it('are fanned in by collect, and the items keep all their labels', () => {
    const text = `${attacked}  rows: { uses: score/rows, in: { images: bad } }\n`;
    const all = graphOf(
      `${text}  table: { uses: report/table, in: { scores: { from: rows, collect: all } } }\n`,
    );
    expect(all.cells.at(-1)!.inputs['scores']).toEqual({
      many: [6, 7, 8, 9].map((cell) => ({ cell, port: 'metrics', axes: all.cells[cell]!.axes })),
    });
    const some = graphOf(
      `${text}  table: { uses: report/table, in: { scores: { from: rows, collect: [attack] } } }\n`,
    );
    expect(cellsOf(some).slice(-2)).toEqual([
      'table[eps=2/255] ← scores: (rows[attack=one,eps=2/255] + rows[attack=two,eps=2/255])',
      'table[eps=8/255] ← scores: (rows[attack=one,eps=8/255] + rows[attack=two,eps=8/255])',
    ]);
  });

  it('meet in a list of references, in document order', () => {
    const graph = graphOf(`${attacked}  rows: { uses: score/rows, in: { images: bad } }
  clean: { uses: score/rows, in: { images: photos } }
  table: { uses: report/table, in: { scores: [clean, { from: rows, where: { attack: one }, collect: [eps] }] } }
`);
    expect(cellsOf(graph).at(-1)).toBe(
      'table ← scores: (clean + rows[attack=one,eps=2/255] + rows[attack=one,eps=8/255])',
    );
  });

  it('are added to the items of a list by label, which reports tell stages apart by', () => {
    const graph = graphOf(`${attacked}  rows: { uses: score/rows, in: { images: bad } }
  clean: { uses: score/rows, in: { images: photos } }
  table:
    uses: report/table
    in: { scores: [{ from: clean, label: { source: nobody } }, { from: rows, where: { eps: last }, collect: all, label: { source: somebody } }] }
`);
    const { scores } = graph.cells.at(-1)!.inputs;
    expect('many' in scores! ? scores.many.map(({ axes }) => axes) : scores).toEqual([
      { source: 'nobody' },
      { source: 'somebody', attack: 'one', eps: '8/255' },
      { source: 'somebody', attack: 'two', eps: '8/255' },
    ]);
  });

  it('are pruned by exclude and grow by include', () => {
    const graph = graphOf(`${base}  bad:
    uses: attack/one
    in: { images: photos, model: net }
    matrix:
      eps: [1, 2, 3]
      steps: { few: { with: { steps: 1 } }, many: { with: { steps: 99 } } }
      exclude: [{ eps: [1, 2], steps: many }]
      include: [{ eps: 4, steps: few, with: { space: normalized } }]
`);
    expect(graph.cells.slice(2).map(({ id, params }) => `${id} ${JSON.stringify(params)}`)).toEqual([
      'bad[eps=1,steps=few] {"steps":1,"space":"pixel"}',
      'bad[eps=2,steps=few] {"steps":1,"space":"pixel"}',
      'bad[eps=3,steps=few] {"steps":1,"space":"pixel"}',
      'bad[eps=3,steps=many] {"steps":99,"space":"pixel"}',
      'bad[eps=4,steps=few] {"steps":1,"space":"normalized"}',
    ]);
  });

  it('let a label change the inputs', () => {
    const graph = graphOf(
      `${base}  more: { uses: data/photos }
  c: { uses: defense/blur, in: { images: photos }, matrix: { with: { plain: {}, aided: { in: { library: more } } } } }
`.replace('matrix: { with:', 'matrix: { kind:'),
    );
    expect(cellsOf(graph).slice(-2)).toEqual([
      'c[kind=plain] ← images: photos',
      'c[kind=aided] ← images: photos, library: more',
    ]);
  });

  it('come in topological order, otherwise in that of the document', () => {
    const graph = graphOf(`ravelin: 1
stages:
  last: { uses: defense/blur, in: { images: first } }
  first: { uses: data/photos }
  other: { uses: data/net }
`);
    expect(graph.stages.map(({ id, firstCell, cellCount }) => [id, firstCell, cellCount])).toEqual([
      ['first', 0, 1],
      ['last', 1, 1],
      ['other', 2, 1],
    ]);
  });
});

describe('parts that are shared', () => {
  it('merge: defaults under templates under the stage under its labels', () => {
    const graph = graphOf(`ravelin: 1
shard: 8
defaults:
  onError: continue
  attack/*: { with: { steps: 2, space: normalized }, resources: { memory: 1GiB } }
  attack/two: { with: { steps: 3 } }
templates:
  weak: { in: { images: photos, model: net }, with: { epsilon: 1/4 } }
  weaker: { extends: weak, with: { epsilon: 1/8 } }
stages:
  photos: { uses: data/photos }
  net: { uses: data/net }
  a: { extends: weaker, uses: attack/one, shard: 4, retry: 5 }
  b: { extends: [weaker], uses: attack/two, with: { space: pixel } }
  c: { extends: weak, matrix: { kind: { one: { uses: attack/one }, two: { uses: attack/two, with: { steps: 4 } } } } }
`);
    expect(graph.cells.slice(2).map(({ id, params }) => [id, params])).toEqual([
      ['a', { epsilon: 0.125, steps: 2, space: 'normalized' }],
      ['b', { epsilon: 0.125, steps: 3, space: 'pixel' }],
      ['c[kind=one]', { epsilon: 0.25, steps: 2, space: 'normalized' }],
      ['c[kind=two]', { epsilon: 0.25, steps: 4, space: 'normalized' }],
    ]);
    expect(graph.stages[2]!.settings).toMatchObject({
      shard: 4,
      onError: 'continue',
      retry: { max: 5 },
      resources: { memoryBytes: 2 ** 30 },
    });
    expect(graph.stages[0]!.settings).toMatchObject({ shard: 8, resources: {} });
  });

  it('come from other files, the file itself first', () => {
    const graph = graphOf({
      'main.yaml': 'ravelin: 1\ninclude: parts/more.yaml\nstages:\n  photos: { extends: few }\n',
      'parts/more.yaml':
        'ravelin: 1\ninclude: [even-more.yaml]\ntemplates:\n  few: { uses: data/photos, with: { limit: $(params.n) } }\n',
      'parts/even-more.yaml': 'ravelin: 1\nparams: { n: 3 }\nstages:\n  net: { uses: data/net }\n',
    });
    expect(graph.cells.map(({ id, params }) => [id, params])).toEqual([
      ['photos', { limit: 3 }],
      ['net', {}],
    ]);
  });
});

describe('params', () => {
  const text = `ravelin: 1
name: demo
env: { TAG: none }
params:
  limit: { type: integer, default: 10, minimum: 1, description: images }
  means: [1/2, 0.25]
  big: 1_000
stages:
  photos: { uses: data/photos, with: { limit: $(params.limit), mean: $(params.means), tag: '$(name)-$(env.TAG)-$(params.big)-$$(x)', cache: 6GiB, wait: 1h30m } }
profiles:
  smoke: { params: { limit: 2 }, seed: 9, stages: { photos: { with: { cache: 1MB } } } }
  tiny: { params: { limit: 1 } }
`;

  it('keep their type, and fill in texts', () => {
    expect(graphOf(text).cells[0]!.params).toEqual({
      limit: 10,
      mean: [0.5, 0.25],
      tag: 'demo-none-1_000-$(x)',
      cache: 6 * 2 ** 30,
      wait: 5_400_000,
    });
    expect(graphOf(text).params).toEqual({ limit: 10, means: ['1/2', 0.25], big: 1000 });
  });

  it('are set by the environment, profiles in order, and the command line last', () => {
    expect(graphOf(text, { env: { TAG: 'x' } }).cells[0]!.params['tag']).toBe('demo-x-1_000-$(x)');
    expect(graphOf(text, { profile: 'smoke' })).toMatchObject({
      seed: 9,
      cells: [{ params: { limit: 2, cache: 1e6 } }],
    });
    expect(graphOf(text, { profile: ['smoke', 'tiny'] }).cells[0]!.params['limit']).toBe(1);
    const set = graphOf(text, {
      profile: 'smoke',
      seed: 4,
      overrides: ['params.limit=1_0', 'params.means=[1, 3/4]'],
    });
    expect(set).toMatchObject({ seed: 4, cells: [{ params: { limit: 10, mean: [1, 0.75] } }] });
  });

  it.each(['5', '007', 'true', 'null', '1e3', '8/255'])(
    'take %s of the environment as a text or as a number',
    (value) => {
      const whole = text
        .replace("tag: '$(name)-$(env.TAG)-$(params.big)-$$(x)'", 'tag: $(params.copied)')
        .replace('big: 1_000', 'big: 1_000\n  copied: $(env.TAG)');
      expect(graphOf(whole, { env: { TAG: value } }).cells[0]!.params['tag']).toBe(value);
      const number = whole.replace('limit: $(params.limit)', 'limit: $(env.TAG)');
      expect(graphOf(number, { env: { TAG: '12' } }).cells[0]!.params).toMatchObject({
        limit: 12,
        tag: '12',
      });
      // What a file says has the type that YAML gives it.
      expect(mistakesOf(whole.replace('$(params.copied)', '5'))).toEqual(['wrong-type 10:92']);
    },
  );

  it.each([
    ['a #b', 'a #b'],
    ['#b', '#b'],
    ['5', '5'],
    ['null', 'null'],
    ['a: b', 'a: b'],
    [' it’s "so" \\n ', 'it’s "so" \\n'],
    ["it's", "it's"],
    ["'it''s'", "it's"],
    ['"a #b"', 'a #b'],
    ['', ''],
    ['$(name)!', 'demo!'],
  ])('that take a text take %j of -S whole', (given, value) => {
    const whole = text.replace('big: 1_000', 'big: 1_000\n  word: none');
    expect(graphOf(whole, { overrides: [`params.word=${given}`] }).params['word']).toBe(value);
  });

  it.each([
    ['limit', '5 #6', 'remove it'],
    ['means', '[1, 2] # 3', 'remove it'],
    ['open', 'x #y', `-S 'params.open="x #y"'`],
    ['open', '#y', `-S 'params.open="#y"'`],
  ])('refuse the comment in -S params.%s=%s', (name, given, fix) => {
    const whole = text.replace('big: 1_000', 'big: 1_000\n  open: { enum: [x, y], default: x }');
    const loaded = load(whole, { overrides: [`params.${name}=${given}`] });
    const [first] = loaded.ok ? [] : loaded.diagnostics;
    const start = `params.${name}=`.length + given.indexOf('#');
    expect(first).toMatchObject({ code: 'bad-override', at: { start } });
    expect(first!.fix).toContain(fix);
  });

  it('are told where they are wrong, once', () => {
    expect(mistakesOf(text, { overrides: ['params.limit=0'] })).toEqual([]);
    const loaded = mistakesOf(text.replace('default: 10', 'default: 0'));
    expect(loaded).toEqual(['out-of-range 5:36']);
  });
});

describe('publish', () => {
  it.each([
    ['..', 'out/__/__.png'],
    ['.', 'out/_/_.png'],
    ['.hidden', 'out/_hidden/_hidden.png'],
    ['../up', 'out/__-up/__-up.png'],
    ['a\\b', 'out/a-b/a-b.png'],
    ['8/255', 'out/8-255/8-255.png'],
    ['👩\u200d👧', 'out/👩👧/👩👧.png'],
    ['\u200b', 'out/_/_.png'],
    ['x.y', 'out/x.y/x.y.png'],
    [0.1, 'out/0.1/0.1.png'],
  ])('puts the label %j into a name that leads nowhere else', (label, path) => {
    expect(publishPath('out/{l}/{l}.png', { l: label })).toBe(path);
    expect(whyProtected(path)).toBeNull();
  });

  it('cuts long labels so that their names are still different', () => {
    const paths = ['x', 'y'].map((end) => publishPath('out/{l}.png', { l: `${'ü'.repeat(300)}${end}` }));
    expect(new Set(paths).size).toBe(2);
    for (const path of paths) {
      expect(path).toMatch(/^out\/ü{90,}-[\da-f]{8}\.png$/);
      expect(whyUnwritable(path)).toBeNull();
    }
    expect(whyUnwritable(`out/${'x'.repeat(256)}`)).toContain('256 bytes, and file systems take 255');
  });

  it('has a placeholder for each axis, filled in with a safe label', () => {
    const graph = graphOf(
      attacked.replace('    matrix:', '    publish: out/$(axes.attack)-$(axes.eps).png\n    matrix:'),
    );
    expect(graph.stages.at(-1)!.publish).toEqual([{ port: 'images', path: 'out/{attack}-{eps}.png' }]);
    expect(publishPath('out/{attack}-{eps}.png', graph.cells[2]!.axes)).toBe('out/one-2-255.png');
  });
});

describe('a stage after a mistake', () => {
  it('is still judged for what does not depend on it', () => {
    expect(
      mistakesOf(`ravelin: 1
stages:
  photos: { uses: data/photo }
  blurred: { uses: defense/blur, in: { images: photos }, with: { radius: $(axes.r), raduis: 1 }, matrix: { r: [1, -1] } }
  more: { uses: defense/blur, in: { images: blurred }, with: { radius: -1 } }
`),
    ).toEqual(['unknown-stage-type 3:19', 'unknown-param 4:85', 'out-of-range 5:72']);
  });

  it('of which only some cells are wrong is told once', () => {
    const text = `${base}  bad: { uses: attack/two, in: { images: photos, model: net }, with: { epsilon: 1, steps: $(axes.s) }, matrix: { s: [0, -1, 1, 2], d: [1, 2] } }\n`;
    expect(mistakesOf(text)).toEqual(['param-conflict 5:84', 'out-of-range 5:91']);
  });
});
