import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { renderDiagnostics } from '../../src/dsl/diagnostics/render.ts';
import { type Loaded, loadPipeline } from '../../src/dsl/load.ts';
import { stages } from '../../src/stages/index.ts';

const files = readdirSync('pipelines')
  .filter((name) => name.endsWith('.yaml'))
  .map((name) => `pipelines/${name}`);

function load(
  file: string,
  { overrides = [], profile = [] }: { readonly overrides?: string[]; readonly profile?: string[] } = {},
): Loaded {
  const loaded = loadPipeline({ file, registry: stages, overrides, profile, env: {} });
  if (!loaded.ok) throw new Error(renderDiagnostics(loaded.diagnostics, loaded.sources));
  return loaded.value;
}

/** The params of a pipeline that are written as an axis: `strength: $(params.strengths)` in a matrix. */
function labelParams(file: string): readonly string[] {
  const text = readFileSync(file, 'utf8');
  const lists = Object.entries(load(file).graph.params).filter(([, value]) => Array.isArray(value));
  return lists
    .map(([name]) => name)
    .filter((name) => new RegExp(`(^ *\\w+|matrix:.*): \\$\\(params\\.${name}\\)`, 'm').test(text));
}

describe('the pipelines that are shipped', () => {
  it('have params for the labels of an axis, or the next test tries nothing', () => {
    expect(files.flatMap(labelParams)).toContain('strengths');
  });

  it.each(files)('%s takes other labels for each axis, and its reports and galleries follow', (file) => {
    for (const param of labelParams(file)) load(file, { overrides: [`params.${param}=[0.011, 0.017]`] });
  });

  it.each(['smoke', 'mnist', 'cifar', 'imagenet'])(
    'reproduce the paper on images of one kind with the profile %s',
    (profile) => {
      const { graph } = load('pipelines/guo-2018.yaml', { profile: [profile] });
      const datasets = graph.cells.map(({ uses }) => uses).filter((uses) => uses.startsWith('dataset/'));
      // Test images, training images, and those that the patches of quilting come from.
      expect(datasets.length).toBeGreaterThanOrEqual(3);
      expect(new Set(datasets).size).toBe(1);
    },
  );
});
