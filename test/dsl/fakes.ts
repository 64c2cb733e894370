import { type TObject, Type } from '@sinclair/typebox';
import type { Graph } from '../../src/dsl/graph.ts';
import { loadPipeline, type LoadOptions } from '../../src/dsl/load.ts';
import { renderDiagnostics } from '../../src/dsl/diagnostics/render.ts';
import type { InputPort, SignatureRegistry, StageSignature } from '../../src/dsl/signature.ts';

const required = (kind: string, list = false): InputPort => ({
  kind,
  optional: false,
  list,
  description: '',
});
const optional = (kind: string): InputPort => ({ kind, optional: true, list: false, description: '' });
const gives = (kind: string): { kind: string; description: string } => ({ kind, description: '' });

function signature(
  uses: string,
  given: TObject,
  inputs: Readonly<Record<string, InputPort>>,
  outputs: Readonly<Record<string, { kind: string; description: string }>>,
): StageSignature {
  return {
    uses,
    summary: `fake ${uses}`,
    with: given,
    in: inputs,
    out: outputs,
    defaultOutput: Object.keys(outputs)[0]!,
  };
}

const strengths = Type.Object({
  epsilon: Type.Optional(Type.Number({ minimum: 0, maximum: 1 })),
  steps: Type.Integer({ minimum: 1, default: 10 }),
  space: Type.Union([Type.Literal('pixel'), Type.Literal('normalized')], { default: 'pixel' }),
});

const signatures: readonly StageSignature[] = [
  signature(
    'data/photos',
    Type.Object({
      path: Type.Optional(Type.String({ format: 'path' })),
      limit: Type.Optional(Type.Integer({ minimum: 1 })),
      cache: Type.Optional(Type.Number({ unit: 'bytes' })),
      wait: Type.Optional(Type.Number({ unit: 'duration' })),
      mean: Type.Optional(Type.Array(Type.Number())),
      tag: Type.Optional(Type.String()),
    }),
    {},
    { images: gives('images') },
  ),
  signature('data/net', Type.Object({}), { after: optional('any') }, { model: gives('model') }),
  signature(
    'attack/one',
    strengths,
    { images: required('images'), model: required('model') },
    { images: gives('images') },
  ),
  {
    ...signature(
      'attack/two',
      strengths,
      { images: required('images'), model: required('model') },
      { images: gives('images') },
    ),
    check: (params: { epsilon?: number; steps: number }) =>
      params.epsilon === 1 && params.steps === 1
        ? [{ path: ['steps'], message: 'one step of 1 is everything' }]
        : [],
  },
  signature(
    'defense/blur',
    Type.Object({ radius: Type.Number({ minimum: 0, default: 1 }) }),
    { images: required('images'), library: optional('images') },
    { images: gives('images'), transform: gives('transform') },
  ),
  signature('score/rows', Type.Object({}), { images: required('images') }, { metrics: gives('metrics') }),
  signature(
    'report/table',
    Type.Object({}),
    { scores: required('metrics', true) },
    { figure: gives('figure') },
  ),
];

export const registry: SignatureRegistry = new Map(signatures.map((item) => [item.uses, item]));

type Text = string | Readonly<Record<string, string>>;

/** Loads a pipeline from texts: one, or several by their path in the project. The first is the pipeline. */
export function load(text: Text, options: Partial<LoadOptions> = {}): ReturnType<typeof loadPipeline> {
  const files = typeof text === 'string' ? { 'main.yaml': text } : text;
  return loadPipeline({
    file: `/project/pipelines/${Object.keys(files)[0]!}`,
    root: '/project',
    registry,
    env: {},
    readFile: (path) => {
      const name = path.replace('/project/pipelines/', '');
      const found = Object.hasOwn(files, name) ? files[name] : undefined;
      if (found === undefined) throw Object.assign(new Error('no such file'), { code: 'ENOENT' });
      return found;
    },
    ...options,
  });
}

/** The graph of a correct pipeline. */
export function graphOf(text: Text, options: Partial<LoadOptions> = {}): Graph {
  const loaded = load(text, options);
  if (!loaded.ok) throw new Error(renderDiagnostics(loaded.diagnostics, loaded.sources));
  return loaded.value.graph;
}

/** `code line:column` of each mistake. */
export function mistakesOf(text: Text, options: Partial<LoadOptions> = {}): readonly string[] {
  const loaded = load(text, options);
  if (loaded.ok) return [];
  return renderDiagnostics(loaded.diagnostics, loaded.sources)
    .split('\n')
    .flatMap((line) => {
      const match = /^\S+?:(\d+:\d+) error\[([\w-]+)\]/.exec(line);
      return match === null ? [] : [`${match[2]!} ${match[1]!}`];
    });
}

/** Cells as `id ← inputs`. */
export function cellsOf(graph: Graph): readonly string[] {
  return graph.cells.map(({ id, inputs }) => {
    const sources = Object.entries(inputs).map(([port, input]) => {
      const items = 'one' in input ? [input.one] : input.many;
      const names = items.map((item) => graph.cells[item.cell]!.id).join(' + ');
      return 'one' in input ? `${port}: ${names}` : `${port}: (${names})`;
    });
    return sources.length === 0 ? id : `${id} ← ${sources.join(', ')}`;
  });
}
