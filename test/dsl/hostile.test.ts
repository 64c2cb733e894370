import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { diagnosticsJson, renderDiagnostics } from '../../src/dsl/diagnostics/render.ts';
import { load, mistakesOf } from './fakes.ts';

function survives(text: string): void {
  const loaded = load(text);
  if (!loaded.ok) {
    expect(loaded.diagnostics.length).toBeGreaterThan(0);

    expect(renderDiagnostics(loaded.diagnostics, loaded.sources)).not.toMatch(/[\u0000-\u0009\u000b-\u001f]/);
    for (const { line, column } of diagnosticsJson(loaded.diagnostics, loaded.sources))
      expect(Math.min(line, column)).toBeGreaterThan(0);
  }
}

const correct = `ravelin: 1
params: { list: &l [1, 2/3], n: 3 }
templates: { t: { with: { limit: $(params.n) } } }
stages:
  a: { uses: data/photos, extends: t, matrix: { x: *l, y: { p: { with: { tag: q } } }, exclude: [{ x: 1 }] } }
  net: { uses: data/net }
  b: { uses: attack/one, in: { images: { from: a, where: { y: p } }, model: net }, with: { epsilon: $(axes.x) } }
  c: { uses: score/rows, in: { images: b } }
  d: { uses: report/table, in: { scores: { from: c, collect: all } }, publish: out/d.svg }
profiles: { s: { params: { n: 2 } } }
`;

describe('any text', () => {
  it('is a pipeline or is told why not, but never throws', () => {
    fc.assert(fc.property(fc.string({ maxLength: 200, unit: 'binary' }), survives), { numRuns: 200 });
  });

  it('that was a pipeline before somebody cut, doubled or changed a part of it, too', () => {
    const edit = fc.record({
      at: fc.nat(correct.length),
      length: fc.nat(30),
      by: fc.constantFrom(
        '',
        ' ',
        '\n',
        '{',
        '[',
        ']',
        '}',
        ':',
        '*',
        '&l ',
        '$(',
        '${x}',
        '- ',
        'null',
        '!!x ',
        '~',
        '__proto__',
        '1e999',
        '"',
      ),
    });
    fc.assert(
      fc.property(fc.array(edit, { minLength: 1, maxLength: 3 }), (edits) => {
        let text = correct;
        for (const { at, length, by } of edits) text = text.slice(0, at) + by + text.slice(at + length);
        survives(text);
      }),
      { numRuns: 400 },
    );
  });

  it('made of the words of the language in any shape, too', () => {
    const keys = [
      'ravelin',
      'stages',
      'params',
      'uses',
      'in',
      'with',
      'matrix',
      'from',
      'where',
      'collect',
      'include',
      'exclude',
      'extends',
      'templates',
      'defaults',
      'profiles',
      'env',
      'plugins',
      'executor',
      'publish',
      'retry',
      'resources',
      'type',
      'default',
      'a',
      'b',
      '__proto__',
      'constructor',
      'toString',
    ];
    const { tree } = fc.letrec((tie) => ({
      tree: fc.oneof(
        { maxDepth: 6 },
        tie('leaf'),
        fc.array(tie('tree'), { maxLength: 3 }),
        fc.dictionary(fc.constantFrom(...keys), tie('tree'), { maxKeys: 4 }),
      ),
      leaf: fc.constantFrom<unknown>(
        1,
        0,
        -1,
        'a',
        'b',
        'a.images',
        'data/photos',
        'attack/*',
        '$(params.a)',
        '$(axes.a)',
        '$(env.a)',
        'all',
        '',
        null,
        true,
        '__proto__',
        '../../../x',
        '8/0',
      ),
    }));
    fc.assert(
      fc.property(tree, tree, tree, (stages, params, rest) => {
        survives(
          JSON.stringify({
            ravelin: 1,
            params: { a: params },
            stages: { a: { uses: 'data/photos', matrix: { a: params } }, b: stages },
            ...(typeof rest === 'object' && !Array.isArray(rest) ? rest : {}),
          }),
        );
      }),
      { numRuns: 400 },
    );
  });
});

describe('a file made to exhaust the program', () => {
  it('of more than 1 MiB is not read', () => {
    expect(mistakesOf(`ravelin: 1\n# ${'x'.repeat(1024 * 1024)}\n`)).toEqual(['too-large 1:1']);
  });

  it('of very many brackets ends neither the stack nor our patience', () => {
    expect(mistakesOf(`ravelin: 1\na: ${'['.repeat(200_000)}`).length).toBeGreaterThan(0);
    expect(mistakesOf(`ravelin: 1\na: ${'{a: '.repeat(50_000)}`).length).toBeGreaterThan(0);
    expect(
      mistakesOf(
        `ravelin: 1\n${Array.from({ length: 900 }, (_, depth) => `${' '.repeat(depth)}a:\n`).join('')}`,
      ),
    ).toContain('too-deep 68:67');
  });

  it('of aliases of aliases is stopped', () => {
    const levels = Array.from(
      { length: 30 },
      (_, level) => `  l${level + 1}: &l${level + 1} [*l${level}, *l${level}]\n`,
    ).join('');
    expect(mistakesOf(`ravelin: 1\nparams:\n  l0: &l0 [x, x]\n${levels}`)[0]).toMatch(/^too-many-aliases/);
  });

  it('of axes whose product is astronomical is stopped before it is made', () => {
    const list = `[${Array.from({ length: 1000 }, (_, index) => index).join(', ')}]`;
    expect(
      mistakesOf(
        `ravelin: 1\nstages:\n  a: { uses: data/photos, matrix: { a: ${list}, b: ${list}, c: ${list}, d: ${list} } }\n`,
      ),
    ).toEqual(['too-many-cells 3:37']);
  });
});
