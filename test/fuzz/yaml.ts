/**
 * The YAML front end, includes and all: half of the inputs are the corpora of wrong and right pipelines with bytes changed, half are
 * made of the words of the language in the shape of a pipeline. An input holds several files: `#file NAME` begins the next.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import fc from 'fast-check';
import { isInside } from '../../src/dsl/document/load-context.ts';
import { loadPipeline } from '../../src/dsl/load.ts';
import { diagnosticsJson, renderDiagnostics } from '../../src/dsl/diagnostics/render.ts';
import { stages } from '../../src/stages/index.ts';
import type { RandomStream } from '../../src/tensors/random.ts';
import { mutateBytes } from './mutate.ts';
import { Broken } from './target.ts';
import type { FuzzTarget } from './target.ts';

const root = '/project';

export function yamlTarget(): FuzzTarget {
  const corpus = readCorpus();
  return {
    name: 'yaml',
    documented: [],
    make: (random) =>
      random.bernoulli(0.5)
        ? mutateBytes(corpus, random, { dictionary, mostBytes: random.integer(64) === 0 ? 1 << 18 : 1 << 14 })
        : Buffer.from(pipelineText(random)),
    run: load,
  };
}

function load(bytes: Uint8Array): void {
  const [main = '', ...parts] = new TextDecoder().decode(bytes).split('\n#file ');
  const files = new Map([[`${root}/main.yaml`, main]]);
  for (const part of parts) {
    const [name = '', ...lines] = part.split('\n');
    files.set(resolve(root, name.trim()), lines.join('\n'));
  }
  const loaded = loadPipeline({
    file: `${root}/main.yaml`,
    root,
    registry: stages,
    env: { HOME: '/root' },
    readFile: (path) => {
      if (!isInside(root, path)) throw new Broken(`${path} was opened`);
      const text = files.get(path);
      if (text === undefined) throw Object.assign(new Error('no such file'), { code: 'ENOENT' });
      return text;
    },
  });
  if (loaded.ok) {
    for (const { stage, params } of loaded.value.graph.cells) checkPaths(stage, params);
    return;
  }
  if (loaded.diagnostics.length === 0) throw new Broken('refused without a diagnostic');
  const text = renderDiagnostics(loaded.diagnostics, loaded.sources);

  if (/[\u0000-\u0009\u000b-\u001f\u007f-\u009f]/.test(text))
    throw new Broken('a diagnostic holds control characters');
  for (const { line, column } of diagnosticsJson(loaded.diagnostics, loaded.sources))
    if (!(line > 0 && column > 0)) throw new Broken('a diagnostic has no place');
}

/** No stage is told to read outside the project. */
function checkPaths(stage: string, params: Readonly<Record<string, unknown>>): void {
  for (const name of ['path', 'file', 'folder', 'classes']) {
    const path = params[name];
    if (typeof path === 'string' && !isInside(root, resolve(root, path)))
      throw new Broken(`'${stage}' reads ${path}`);
  }
}

function readCorpus(): readonly Uint8Array[] {
  const parts = readdirSync('test/diagnostics/parts').map(
    (name) => `\n#file parts/${name}\n${readFileSync(join('test/diagnostics/parts', name), 'utf8')}`,
  );
  return ['test/diagnostics', 'pipelines'].flatMap((folder) =>
    readdirSync(folder)
      .filter((name) => name.endsWith('.yaml'))
      .map((name) => readFileSync(join(folder, name), 'utf8'))
      .filter((text) => text.length < 20_000)
      .map((text) => Buffer.from(text.includes('include') ? text + parts.join('') : text)),
  );
}

const keys = [
  'ravelin', 'name', 'seed', 'stages', 'params', 'templates', 'profiles', 'defaults', 'env', 'include', 'plugins', 'description', 'executor',
  'uses', 'in', 'with', 'matrix', 'from', 'where', 'collect', 'exclude', 'extends', 'publish', 'retry', 'resources', 'shard', 'type', 'default',
  'images', 'model', 'predictions', 'scores', 'path', 'limit', 'epsilon', 'bits', 'a', 'b', 'c', '__proto__', 'constructor', 'toString',
]; // prettier-ignore

const words = [
  'a', 'b', 'c', 'a.images', 'dataset/mnist', 'dataset/safetensors', 'defense/bit-depth', 'defense/jpeg', 'model/cnn', 'predict/classify',
  'evaluate/robustness', 'report/table', 'attack/*', '$(params.a)', '$(axes.a)', '$(axes.b)', '$(env.HOME)', '$(params.', '$(', 'all', 'test', '', '~',
  '__proto__', '../x', '../../../etc/passwd', '/etc/passwd', 'parts/common.yaml', 'parts/../../x', 'x\0y', '8/0', '2/3', '1e999', '10 GB', '3 h', '1..5',
]; // prettier-ignore

const dictionary = [
  ...keys.map((key) => `${key}: `),
  ...words,
  '- ',
  '\n',
  '\n  ',
  '{',
  '}',
  '[',
  ']',
  ': ',
  '&x ',
  '*x',
  '!!x ',
  '<<: ',
  '---\n',
  '"',
  "'",
  '|\n',
  '\t',
  '#',
  '\u001b[31m',
  '\u2028',
  '\u009b',
  '\n#file parts/common.yaml\n',
  '\ninclude: [parts/common.yaml]\n',
];

const { tree } = fc.letrec((tie) => ({
  tree: fc.oneof(
    { maxDepth: 5 },
    { weight: 2, arbitrary: tie('leaf') },
    { weight: 1, arbitrary: fc.array(tie('tree'), { maxLength: 4 }) },
    { weight: 3, arbitrary: fc.dictionary(fc.constantFrom(...keys), tie('tree'), { maxKeys: 5 }) },
  ),
  leaf: fc.oneof(
    fc.constantFrom<unknown>(...words),
    fc.constantFrom<unknown>(0, 1, -1, 3, 0.5, 1e308, 2 ** 53, null, true, false),
    fc.string({ maxLength: 8 }),
  ),
}));

const named = fc.dictionary(fc.constantFrom('a', 'b', 'c', '__proto__', 'constructor'), tree, { maxKeys: 4 });
const stage = fc.record(
  {
    uses: fc.constantFrom(...words),
    in: fc.oneof(
      tree,
      fc.dictionary(fc.constantFrom('images', 'model', 'predictions', 'scores'), tree, { maxKeys: 3 }),
    ),
    with: tree,
    matrix: fc.oneof(
      tree,
      fc.dictionary(fc.constantFrom('a', 'b'), fc.array(tree, { maxLength: 4 }), { maxKeys: 2 }),
    ),
    extends: fc.constantFrom<unknown>('a', 'b', ['a', 'b'], null),
    publish: tree,
    shard: tree,
  },
  { requiredKeys: ['uses'] },
);
const pipeline = fc.record(
  {
    ravelin: fc.constant(1),
    params: named,
    templates: named,
    defaults: tree,
    env: tree,
    include: fc.constantFrom<unknown>(
      'parts/a.yaml',
      ['parts/a.yaml', 'main.yaml'],
      '../x.yaml',
      'parts/../../y',
      3,
    ),
    profiles: named,
    stages: fc.dictionary(fc.constantFrom('a', 'b', 'c', 'd', '__proto__'), stage, {
      minKeys: 1,
      maxKeys: 4,
    }),
  },
  { requiredKeys: ['ravelin', 'stages'] },
);
const project = fc.tuple(pipeline, pipeline);

function pipelineText(random: RandomStream): string {
  const [main, part] = fc.sample(project, { seed: random.integer(2 ** 31), numRuns: 1 })[0]!;
  return `${JSON.stringify(main)}\n#file parts/a.yaml\n${JSON.stringify(part)}`;
}
