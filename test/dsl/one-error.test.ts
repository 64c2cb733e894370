import { isMap, isScalar, parseDocument, visit } from 'yaml';
import { describe, expect, it } from 'vitest';
import { renderDiagnostics } from '../../src/dsl/diagnostics/render.ts';
import { loadPipeline } from '../../src/dsl/load.ts';
import { stages } from '../../src/stages/index.ts';

/** Every key of the language once. */
const files: Readonly<Record<string, string>> = {
  'main.yaml': `ravelin: 1
name: whole
description: every key
seed: 7
backend: wasm
numerics: shared
include: [parts.yaml]
env: { QUALITY: 75 }
shard: 32
onError: continue
retry: { max: 1, on: [crash, io] }
resources: { memory: 6GiB, time: 30m, gpu: 1 }
executor: { uses: slurm, partition: short, account: vision }
params:
  images: { type: integer, default: 100, minimum: 1, maximum: 10000, description: test images }
  strengths: [0.1, 0.2]
  kind: { enum: [paper, fb], default: paper }
defaults:
  store: auto
  attack/*: { with: { tolerance: 0.02 }, shard: 100 }
templates:
  base: { in: { model: network, images: digits } }
  strong: { extends: base, with: { dissimilarity: $(axes.strength) } }
stages:
  digits: { uses: dataset/mnist, with: { split: test, limit: $(params.images) } }
  network: { uses: model/cnn, seed: $(axes.draw), with: { filters: [8, 16], mean: [0.1307] }, matrix: { draw: [1, 2] } }
  adversarial:
    extends: [strong]
    matrix:
      attack: { fgsm: { uses: attack/fgsm }, i-fgsm: { uses: attack/i-fgsm, with: { steps: 10 } } }
      strength: $(params.strengths)
      exclude: [{ attack: fgsm, strength: [last] }]
      include: [{ attack: fgsm, strength: 0.4, with: { tolerance: 0.05 } }]
    retry: 2
    store: always
  defended:
    uses: defense/bit-depth
    title: Fewer bits
    description: of each pixel
    in: { images: { from: adversarial, where: { draw: 1, attack: [fgsm, i-fgsm] } } }
    with: { bits: 3, compat: $(params.kind) }
  jpeg: { uses: defense/jpeg, in: { images: more }, with: { quality: $(env.QUALITY) } }
  predictions: { uses: predict/classify, in: { model: network, images: defended } }
  scores: { uses: evaluate/robustness, in: { predictions: predictions, originals: digits } }
  table:
    uses: report/table
    in: { scores: [{ from: scores, collect: all }] }
    with: { rows: [attack, draw], columns: strength, value: accuracy, title: of $(name) }
    publish: { table: [results/$(name).md, results/table.csv] }
profiles:
  smoke: { description: small, params: { images: 20 }, seed: 3, stages: { jpeg: { with: { quality: 50 } } } }
`,
  'parts.yaml': 'ravelin: 1\nstages:\n  more: { uses: dataset/mnist, with: { limit: 10 } }\n',
};

function load(text: string, profile: readonly string[]): ReturnType<typeof loadPipeline> {
  return loadPipeline({
    file: '/project/main.yaml',
    root: '/project',
    registry: stages,
    profile,
    env: {},
    readFile: (path) => {
      const found = path === '/project/main.yaml' ? text : files[path.replace('/project/', '')];
      if (found === undefined) throw Object.assign(new Error(path), { code: 'ENOENT' });
      return found;
    },
  });
}

/** The places of all values, lists and maps included, with their names. */
function values(
  text: string,
): readonly { readonly name: string; readonly start: number; readonly end: number }[] {
  const found: { name: string; start: number; end: number }[] = [];
  visit(parseDocument(text), {
    Pair(_, pair, path) {
      const { value } = pair;
      const keys = [...path, pair].flatMap((node) =>
        typeof node === 'object' && 'key' in node && isScalar(node.key) ? [String(node.key.value)] : [],
      );
      const range = (value as { range?: readonly number[] } | null)?.range;
      if (range !== undefined) found.push({ name: keys.join('.'), start: range[0]!, end: range[1]! });
    },
    Seq(_, list, path) {
      const keys = path.flatMap((node) =>
        typeof node === 'object' && 'key' in node && isScalar(node.key) ? [String(node.key.value)] : [],
      );
      for (const [index, item] of list.items.entries()) {
        const range = (item as { range?: readonly number[] }).range!;
        found.push({ name: `${keys.join('.')}[${index}]`, start: range[0]!, end: range[1]! });
      }
    },
    Map: (_, map) => (isMap(map) ? undefined : visit.SKIP),
  });
  return found;
}

/** A profile is applied where it changes something. */
const profilesFor = (name: string): readonly (readonly string[])[] =>
  /^(profiles|params|stages.jpeg)/.test(name) ? [[], ['smoke']] : [[]];

const text = files['main.yaml']!;
const places = values(text);

describe('a value that cannot be read', () => {
  it('is tried in a pipeline that is right', () => {
    for (const profile of [[], ['smoke']]) {
      const loaded = load(text, profile);
      expect(loaded.ok ? '' : renderDiagnostics(loaded.diagnostics, loaded.sources)).toBe('');
    }
    expect(places.length).toBeGreaterThan(120);
  });

  it.each([
    { wrong: '.nan', least: 1 },
    { wrong: '*nowhere', least: 1 },
    { wrong: '-7.5', least: 0 },
    // A value that a profile replaces is not looked up, and a description is any text.
    { wrong: '$(params.nowhere)', least: 0 },
  ])('is one error wherever $wrong stands', ({ wrong, least }) => {
    const bad: string[] = [];
    for (const { name, start, end } of places) {
      const block = text.slice(start, end).includes('\n');
      const mutated = `${text.slice(0, start).trimEnd()} ${wrong}${block ? '\n' : ''}${text.slice(end)}`;
      for (const profile of profilesFor(name)) {
        const loaded = load(mutated, profile);
        const diagnostics = loaded.ok ? [] : loaded.diagnostics;
        if (diagnostics.length > 1 || diagnostics.length < least)
          bad.push(
            `${name} ${profile.join()}: ${diagnostics.map(({ code, message }) => `${code}: ${message}`).join(' | ')}`,
          );
      }
    }
    expect(bad).toEqual([]);
  });
});
