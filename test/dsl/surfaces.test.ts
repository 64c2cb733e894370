import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { diagnosticCodes, explain, unknownCode } from '../../src/dsl/diagnostics/explain.ts';
import { pluginsOf } from '../../src/dsl/load.ts';
import { paint } from '../../src/console/styled-text.ts';
import { diagnosticsJson, renderDiagnostics, styledDiagnostics } from '../../src/dsl/diagnostics/render.ts';
import { selectCells } from '../../src/dsl/selector.ts';
import { examplePipeline } from '../../src/cli/stage-examples.ts';
import { branchesOf, type JsonSchema } from '../../src/dsl/schema/json-schema-types.ts';
import { stageList, stagesMarkdown, stageText } from '../../src/dsl/reference/stages-page.ts';
import { stages } from '../../src/stages/index.ts';
import { graphOf, load, registry } from './fakes.ts';

const root = new URL('../../', import.meta.url);

describe('explain', () => {
  const sources = readdirSync(new URL('src/dsl', root), { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.ts') && !file.startsWith('diagnostics/explain'))
    .map((file) => readFileSync(new URL(`src/dsl/${file}`, root), 'utf8'))
    .join('\n');

  it('has a page for every code, and no page for a code that nothing reports', () => {
    // That every code used has a page is a matter of types: `DiagnosticSink.error` takes no other.
    expect(diagnosticCodes.filter((code) => !sources.includes(`'${code}'`))).toEqual([]);
    for (const code of diagnosticCodes)
      expect(explain(code)).toMatch(/^[a-z-]+: .+\n\n[^]+\nWrong:\n\n {2}[^]+\nRight:\n\n {2}/);
  });

  it('knows the code that was meant', () => {
    expect(explain('unknown-parm')).toBeUndefined();
    expect(unknownCode('unknown-parm')).toBe(
      "unknown diagnostic code 'unknown-parm'; did you mean 'unknown-param'?",
    );
  });
});

describe('a diagnostic', () => {
  const text = `ravelin: 1\nstages:\n  a: { uses: data/photos, with: { limt: 3 } }\n`;
  const loaded = load(text);
  const shown = loaded.ok ? '' : renderDiagnostics(loaded.diagnostics, loaded.sources);

  it('shows file, line, column, code, source and squiggle', () => {
    expect(shown.replace(/^\S+main.yaml/, 'main.yaml')).toBe(
      [
        "main.yaml:3:35 error[unknown-param]: 'limt' is not a parameter of data/photos; did you mean 'limit'?",
        '    3 |   a: { uses: data/photos, with: { limt: 3 } }',
        '      |                                   ^~~~',
        '',
      ].join('\n'),
    );
  });

  it('is the same in colour', () => {
    const styled = loaded.ok ? [] : styledDiagnostics(loaded.diagnostics, loaded.sources);
    const colored = styled.map(paint).join('');
    expect(colored).toContain('\u001b[31m^~~~\u001b[0m');

    expect(colored.replaceAll(/\u001b\[\d+m/g, '')).toBe(shown);
  });

  it('has a form for programs', () => {
    expect(loaded.ok ? [] : diagnosticsJson(loaded.diagnostics, loaded.sources)).toMatchObject([
      {
        line: 3,
        column: 35,
        endLine: 3,
        endColumn: 39,
        code: 'unknown-param',
        severity: 'error',
        related: [],
        fix: null,
      },
    ]);
  });

  it('cuts long lines and keeps wide characters, tabs and Windows line ends in step', () => {
    const wide = load(`ravelin: 1\r\nstages:\r\n  a: { title: 漢字,\tuses: data/photo }\r\n`);
    const lines = (wide.ok ? '' : renderDiagnostics(wide.diagnostics, wide.sources)).split('\n');
    expect(lines[1]).toBe('    3 |   a: { title: 漢字, uses: data/photo }');
    expect(lines[2]).toBe(`      | ${' '.repeat(26)}^~~~~~~~~~`);
    const long = load(
      `ravelin: 1\nstages: { ${'a'.repeat(500)}: { uses: data/photos }, b: { uses: data/photo } }\n`,
    );
    const text = long.ok ? '' : renderDiagnostics(long.diagnostics, long.sources);
    const [, source, squiggle] = text.split('\n');
    expect(source!.length).toBeLessThan(140);
    expect(source!.slice(squiggle!.indexOf('^'), squiggle!.lastIndexOf('~') + 1)).toBe('data/photo');
  });
});

describe('a selection', () => {
  const graph = graphOf(`ravelin: 1
stages:
  a: { uses: data/photos, matrix: { x: [0.06, 8/255], y: [p, q] } }
  b: { uses: defense/blur, in: { images: { from: a, where: { y: p } } } }
`);
  const select = (...selections: string[]): readonly string[] => {
    const selected = selectCells(graph, selections);
    if (selected.ok) return selected.value.map((index) => graph.cells[index]!.id);
    return renderDiagnostics(selected.diagnostics, selected.sources)
      .split('\n')
      .filter((line) => line.includes('error'));
  };

  it('names cells by stage and labels', () => {
    expect(select('a[y=p]')).toEqual(['a[x=0.06,y=p]', 'a[x=8/255,y=p]']);
    expect(select('a[x=0.060,y=*]', 'b[x=8/255]')).toEqual(['a[x=0.06,y=p]', 'a[x=0.06,y=q]', 'b[x=8/255]']);
    expect(select('*[y=q]')).toEqual(['a[x=0.06,y=q]', 'a[x=8/255,y=q]']);
    expect(select('b')).toEqual(['b[x=0.06]', 'b[x=8/255]']);
    expect(select('*').length).toBe(6);
    expect(select().length).toBe(6);
  });

  it('finds each cell by its own name', () => {
    for (const { id } of graph.cells) expect(select(id)).toEqual([id]);
  });

  it('reports what does not exist', () => {
    expect(select('c')).toEqual([
      "<selection>:1:1 error[unknown-stage]: there is no stage 'c'; did you mean 'a'?",
    ]);
    expect(select('a', 'a[z=1]')).toEqual([
      "<selection>:2:3 error[unknown-axis]: 'a' has no axis 'z'; did you mean 'x'?",
    ]);
    expect(select('a[y=pq]')).toEqual([
      "<selection>:1:5 error[unknown-label]: the axis 'y' has no label 'pq'; did you mean 'p'?",
    ]);
    expect(select('a[y]')[0]).toContain('bad-selector');
    expect(select('a[y=p')[0]).toContain('bad-selector');
  });
});

describe('the pages of stage types', () => {
  it('list parameters with range, default and meaning, and ports with kinds', () => {
    const text = stageText(registry.get('attack/one')!);
    expect(text).toContain('  steps: a whole number of at least 1 (default 10)\n');
    expect(text).toContain('  epsilon: a number from 0 to 1 (optional)\n');
    expect(text).toContain("  space: 'pixel' or 'normalized' (default \"pixel\")\n");
    expect(stagesMarkdown(registry)).toContain('| `scores` | list of metrics |');
    expect(stageList(registry).split('\n').length).toBe(registry.size + 1);
  });

  it('have every real stage, and say what each of its parameters means', () => {
    const markdown = stagesMarkdown(stages, examplePipeline);
    for (const uses of stages.keys()) expect(markdown).toContain(`## ${uses}\n`);
    expect(markdown).toContain("| `schedule.kind` | 'constant', 'step', 'cosine' or 'one-cycle' | ");
    expect(markdown).toContain('| `augment.crop` | a whole number from 0 to 1024 | px | `0` | ');
    expect(markdown).toContain(
      '  example: { uses: attack/apgd, in: { model: network, images: digits }, with: { epsilon: 8/255 } }\n```\n',
    );
    expect(stageText(stages.get('train/sgd')!)).toContain('  augment.flip: true or false (default false)\n');
    expect(
      markdown.split('\n').filter((line) => /^\| `[^|]+\|[^|]+\|[^|]+\|[^|]+\|\s+\|$/.test(line)),
    ).toEqual([]);
  });
});

it('every number among the parameters of a real stage has a unit', () => {
  const numbersWithoutUnit = (schema: JsonSchema, name: string): readonly string[] =>
    branchesOf(schema).flatMap((branch) => {
      if (branch.type === 'number' || branch.type === 'integer')
        return branch.unit === undefined ? [name] : [];
      const members = [
        branch.items,
        branch.additionalProperties,
        ...Object.values(branch.patternProperties ?? {}),
      ];
      return [
        ...Object.entries(branch.properties ?? {}).flatMap(([key, member]) =>
          numbersWithoutUnit(member, `${name}.${key}`),
        ),
        ...members.flatMap((member) =>
          typeof member === 'object' ? numbersWithoutUnit(member as JsonSchema, `${name}[]`) : [],
        ),
      ];
    });
  expect(
    [...stages.values()].flatMap(({ uses, with: schema }) => numbersWithoutUnit(schema as JsonSchema, uses)),
  ).toEqual([]);
});

describe('the example of a stage type', () => {
  it('connects inputs by their kinds, and takes the parameters that the type gives', () => {
    const signature = registry.get('attack/one')!;
    expect(
      examplePipeline({ ...signature, example: { epsilon: 8 / 255, name: 'a b', list: [1, 'x'] } }),
    ).toBe(
      [
        'ravelin: 1',
        'stages:',
        '  digits: { uses: dataset/mnist, with: { limit: 100 } }',
        '  network: { uses: model/cnn }',
        '  example:',
        '    uses: attack/one',
        '    in: { images: digits, model: network }',
        '    with: { epsilon: 8/255, name: "a b", list: [1, x] }',
        '',
      ].join('\n'),
    );
  });
});

it('plugins are read before anything is checked', () => {
  const { plugins } = pluginsOf(
    'x.yaml',
    () => 'ravelin: 1\nplugins: [one, ./two.js, Not a name]\nstages: { a: { uses: of/plugin } }\n',
  );
  expect(plugins).toEqual([
    { name: 'one', at: { file: 'x.yaml', start: 21, end: 24 } },
    { name: './two.js', at: { file: 'x.yaml', start: 26, end: 34 } },
  ]);
  const none = { plugins: [], source: null };
  expect(pluginsOf('x.yaml', () => 'plugins: [')).toEqual(none);
  expect(pluginsOf('/no/such/file.yaml')).toEqual(none);
});
