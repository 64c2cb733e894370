import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import {
  circlesOf,
  reachableFrom,
  readSource,
  readSources,
  type SourceFile,
} from './architecture/sources.ts';

/** What nearly all of the dashboard reads. */
const dashboardState: readonly string[] = [
  'dashboard/estimate.ts',
  'dashboard/format.ts',
  'dashboard/state.ts',
  'dashboard/vector.ts',
];

/**
 * The tables of rooms in ARCHITECTURE.md, as a test: what each folder of src/ may import. A room may be
 * divided into sub-rooms: its key then goes, each sub-room has a key (`dsl/text`), and so has each file at
 * the root of the room (`dsl/graph.ts`), as some of these files are below the sub-rooms and some above. What
 * is allowed is a file, or a folder with all that is in it.
 */
const mayImport: Readonly<Record<string, readonly string[]>> = {
  values: [],
  timing: [],
  files: ['values'],
  'dsl/graph.ts': ['values/json.ts'],
  'dsl/signature.ts': ['values/json.ts'],
  'dsl/project-root.ts': [],
  'dsl/diagnostics': ['console', 'values/nearest.ts'],
  'dsl/text': ['console/visible-text.ts', 'dsl/diagnostics', 'values/json.ts'],
  'dsl/schema': ['dsl/diagnostics', 'dsl/text', 'values/json.ts', 'values/nearest.ts'],
  'dsl/document': [
    'files',
    'dsl/graph.ts',
    'dsl/signature.ts',
    'dsl/diagnostics',
    'dsl/text',
    'dsl/schema',
    'values/json.ts',
    'values/nearest.ts',
  ],
  'dsl/cells': [
    'console/visible-text.ts',
    'files/file-names.ts',
    'dsl/graph.ts',
    'dsl/signature.ts',
    'dsl/diagnostics',
    'dsl/text',
    'dsl/schema',
    'dsl/document',
    'values/json.ts',
    'values/nearest.ts',
  ],
  'dsl/reference': ['dsl/signature.ts', 'dsl/schema', 'values/json.ts', 'values/readable-number.ts'],
  'dsl/selector.ts': ['dsl/graph.ts', 'dsl/diagnostics', 'dsl/text', 'values/nearest.ts'],
  'dsl/load.ts': [
    'files',
    'dsl/graph.ts',
    'dsl/signature.ts',
    'dsl/project-root.ts',
    'dsl/diagnostics',
    'dsl/document',
    'dsl/text',
    'dsl/cells',
  ],
  console: [],
  setup: ['files'],
  tensors: [
    'files',
    'timing',
    'values',
    'setup/bundled.ts',
    'setup/locations.ts',
    'setup/nvidia.ts',
    'setup/one-dnn.ts',
    'setup/reinstall.ts',
  ],
  kernels: ['tensors', 'timing', 'values'],
  models: ['tensors', 'kernels', 'values'],
  attacks: ['tensors', 'models', 'metrics', 'defenses', 'values'],
  defenses: ['tensors', 'kernels', 'models', 'values'],
  training: ['tensors', 'kernels', 'models', 'values'],
  metrics: ['tensors', 'kernels', 'models', 'values'],
  'runtime/digest.ts': [],
  'runtime/events.ts': ['dsl/graph.ts'],
  'runtime/cell-parts.ts': ['values/json.ts'],
  'runtime/checkpoint.ts': [],
  'runtime/printed.ts': ['dsl/graph.ts'],
  'runtime/stage-errors.ts': [],
  'runtime/stage.ts': [
    'runtime/cell-parts.ts',
    'dsl/graph.ts',
    'dsl/signature.ts',
    'runtime/checkpoint.ts',
    'runtime/printed.ts',
    'runtime/stage-errors.ts',
    'values',
  ],
  'runtime/border.ts': ['runtime/stage.ts', 'values'],
  'runtime/store': ['runtime/digest.ts', 'files', 'timing', 'values'],
  'runtime/plan': [
    'runtime/digest.ts',
    'runtime/stage.ts',
    'runtime/store',
    'dsl/graph.ts',
    'files',
    'values',
  ],
  'runtime/executor.ts': ['runtime/events.ts', 'runtime/plan', 'runtime/store', 'dsl/graph.ts', 'values'],
  'runtime/executors/task': [
    'runtime/border.ts',
    'runtime/executor.ts',
    'runtime/plan',
    'runtime/stage.ts',
    'runtime/store',
    'runtime/events.ts',
    'files',
    'timing',
    'values',
  ],
  'runtime/executors/local': [
    'console',
    'runtime/executors/task',
    'runtime/executor.ts',
    'runtime/stage.ts',
    'runtime/store',
    'timing',
    'values',
  ],
  'runtime/executors/slurm': [
    'console',
    'runtime/executors/task',
    'runtime/executor.ts',
    'runtime/stage.ts',
    'runtime/store',
    'dsl/graph.ts',
    'files',
    'timing',
    'values',
  ],
  'runtime/cost': ['runtime/digest.ts', 'runtime/events.ts', 'runtime/stage.ts', 'runtime/plan', 'values'],
  'runtime/run': [
    'runtime/digest.ts',
    'runtime/events.ts',
    'runtime/executor.ts',
    'runtime/stage.ts',
    'runtime/plan',
    'runtime/store',
    'dsl/graph.ts',
    'dsl/cells/publish-path.ts',
    'files',
    'timing',
    'values',
  ],
  report: ['console/visible-text.ts', 'values'],
  stages: [
    'runtime/stage.ts',
    'files',
    'values',
    'tensors',
    'kernels/patch-search/forms.ts',
    'kernels/tvm/forms.ts',
    'models',
    'attacks',
    'defenses',
    'training',
    'metrics',
    'report',
  ],
  kit: [
    'runtime/border.ts',
    'runtime/stage.ts',
    'values',
    'tensors',
    'attacks',
    'defenses',
    'metrics',
    'report',
    'stages',
  ],
  'dashboard/vector.ts': [],
  'dashboard/state.ts': ['runtime/events.ts', 'dsl/graph.ts', 'dashboard/vector.ts'],
  'dashboard/reduce-work.ts': ['runtime/events.ts', 'dashboard/state.ts'],
  'dashboard/change-cell.ts': ['dashboard/state.ts', 'dashboard/vector.ts'],
  'dashboard/reduce-failures.ts': ['runtime/events.ts', 'dashboard/change-cell.ts', 'dashboard/state.ts'],
  'dashboard/reduce.ts': [
    'runtime/events.ts',
    'dashboard/change-cell.ts',
    'dashboard/reduce-failures.ts',
    'dashboard/reduce-work.ts',
    'dashboard/state.ts',
    'dashboard/vector.ts',
  ],
  'dashboard/optional-cells.ts': ['dashboard/state.ts'],
  'dashboard/expectations.ts': ['runtime/cost/speeds.ts', 'dashboard/state.ts', 'dashboard/vector.ts'],
  'dashboard/estimate.ts': [
    'runtime/cost/remaining.ts',
    'dashboard/expectations.ts',
    'dashboard/optional-cells.ts',
    'dashboard/state.ts',
    'dashboard/vector.ts',
  ],
  'dashboard/format.ts': ['runtime/events.ts', 'dashboard/estimate.ts', 'values/readable-number.ts'],
  'dashboard/next-failure.ts': ['dashboard/state.ts', 'dashboard/vector.ts'],
  'dashboard/stage-info.ts': ['dashboard/format.ts', 'dashboard/state.ts', 'dashboard/vector.ts'],
  'dashboard/summary.ts': ['dashboard/format.ts', 'dashboard/state.ts'],
  'dashboard/terminal-host.ts': [],
  'dashboard/pictures.ts': [],
  'dashboard/renderer.ts': [
    'runtime/events.ts',
    'dashboard/estimate.ts',
    'dashboard/pictures.ts',
    'dashboard/state.ts',
    'dashboard/terminal-host.ts',
  ],
  'dashboard/json.ts': ['console', 'dashboard/renderer.ts'],
  'dashboard/quiet.ts': [
    'console',
    'dashboard/reduce.ts',
    'dashboard/renderer.ts',
    'dashboard/state.ts',
    'dashboard/summary.ts',
  ],
  'dashboard/plain.ts': [
    'console',
    'runtime/events.ts',
    ...dashboardState,
    'dashboard/reduce.ts',
    'dashboard/renderer.ts',
    'dashboard/summary.ts',
    'values/readable-number.ts',
  ],
  'dashboard/parts': ['console/visible-text.ts', ...dashboardState, 'dashboard/stage-info.ts'],
  'dashboard/inline': [
    'runtime/events.ts',
    ...dashboardState,
    'dashboard/next-failure.ts',
    'dashboard/reduce.ts',
    'dashboard/parts',
  ],
  'dashboard/full': [
    'runtime/events.ts',
    ...dashboardState,
    'dashboard/next-failure.ts',
    'dashboard/pictures.ts',
    'dashboard/reduce.ts',
    'dashboard/renderer.ts',
    'dashboard/stage-info.ts',
    'dashboard/parts',
  ],
  'dashboard/live': [
    'console',
    ...dashboardState,
    'dashboard/renderer.ts',
    'dashboard/summary.ts',
    'dashboard/parts',
    'dashboard/inline',
    'dashboard/full',
  ],
  'dashboard/create-renderer.ts': [
    'dashboard/json.ts',
    'dashboard/live',
    'dashboard/plain.ts',
    'dashboard/quiet.ts',
    'dashboard/renderer.ts',
  ],
  cli: ['*'],
};

/** Packages that only one room may load at run time; importing their types is free. */
const packagesOf: Readonly<Record<string, readonly string[]>> = {
  '@tensorflow/tfjs': ['tensors'],
  '@tensorflow/tfjs-backend-wasm': ['tensors'],
  '@tensorflow/tfjs-backend-webgpu': ['tensors'],
  webgpu: ['tensors'],
  ink: ['dashboard'],
  react: ['dashboard'],
  yaml: ['dsl/text'],
  ajv: ['dsl/schema'],
  sharp: ['report', 'stages', 'cli'],
  commander: ['cli'],
  execa: ['setup', 'runtime', 'cli'],
};

/** Loaded only where first used, so that a run with nothing to do starts at once. */
const neverAtStartUp = [
  '@tensorflow/tfjs',
  '@tensorflow/tfjs-backend-wasm',
  '@tensorflow/tfjs-backend-webgpu',
  'webgpu',
  'sharp',
  'ink',
  'react',
  'execa',
];

/**
 * Files that may name the streams of the process, to hand them to the writer in `console/`. Nobody else
 * prints: the writer cleans what it writes, and a console that fails ends the writing and not the work.
 */
const mayNameStreams: readonly string[] = [
  'cli/main.ts',
  'cli/output.ts',
  'cli/terminal.ts',
  'runtime/executors/local/worker.ts',
  'runtime/executors/slurm/array-task.ts',
];

/** Lines of a function, from its first word to its last bracket. */
const mostLines = 120;

/**
 * Circles of files, and functions over 120 lines, that were there when these rules came. Nothing may be
 * added. A test fails when an entry is no longer true, so that the lists shrink with the code.
 */
const knownCircles: readonly (readonly string[])[] = [];
const knownLongFunctions: readonly string[] = [];

/**
 * Files that call `JSON.parse`, each with the text that it reads. A file that people may write is read by
 * `readJsonFile`, which takes a byte order mark and names the place of an error.
 */
const parsersOfJson: Readonly<Record<string, string>> = {
  'cli/plugins/plugin-test.ts': 'a variable that the command sets',
  'cli/plugins/resolve-hook.ts': 'a specifier that ravelin wrote',
  'cli/worker.ts': 'a variable that the command sets',
  'files/read-json.ts': 'every JSON file',
  'models/python/interpreter.ts': 'what an interpreter of Python printed',
  'models/python/python-process.ts': 'what a Python process answered',
  'models/torch-export/archive.ts': 'an entry of an archive, which PyTorch wrote',
  'runtime/executors/slurm/batch.ts': 'what a command of Slurm printed',
  'runtime/plan/file-digests.ts': 'the rest of a file of the cache, after its digest',
  'runtime/plan/graph-cache.ts': 'parts of a file of the cache, after their digest',
  'runtime/plan/plan-json.ts': 'the text of a key',
  'runtime/plan/plan.ts': 'the text of a key',
  'runtime/run/parse-event.ts': 'lines of a ledger, of which any may be damaged',
  'runtime/run/published-memory.ts': 'a file of the cache, after its signature',
  'runtime/plan/printed-facts.ts': 'the pre-image of a key, which the plan has written',
  'runtime/store/record.ts': 'a record, after its digest',
  'stages/train/shared/history.ts': 'bytes of a value',
  'tensors/webgpu/adapter.ts': 'what a program printed',
  'values/codec.ts': 'bytes of a value',
  'values/patches-codec.ts': 'bytes of a value',
  'values/safetensors.ts': 'the header of a safetensors file',
};

const sources = readSources();
const imports = sources.flatMap(({ path, imports }) => imports.map((entry) => ({ ...entry, from: path })));

/** The key of the table that a file belongs to. */
function roomOf(path: string): string | undefined {
  return Object.keys(mayImport).find((key) => isIn(path, key));
}

function isIn(path: string, fileOrFolder: string): boolean {
  return path === fileOrFolder || path.startsWith(`${fileOrFolder}/`);
}

describe('the rooms of src/', () => {
  it('are the ones in the table, and every file is in one of them', () => {
    const homeless = sources.map(({ path }) => path).filter((path) => roomOf(path) === undefined);
    expect(homeless).toEqual([]);
    const rooms = new Set(sources.map(({ path }) => roomOf(path)));
    expect(Object.keys(mayImport).filter((key) => !rooms.has(key))).toEqual([]);
  });

  it('have no key inside of another, so that a divided room says of each file at its root what it may import', () => {
    const keys = Object.keys(mayImport);
    expect(keys.filter((key) => keys.some((other) => other !== key && isIn(key, other)))).toEqual([]);
  });

  it('are all in ARCHITECTURE.md', () => {
    const page = readFileSync('ARCHITECTURE.md', 'utf8');
    const missing = Object.keys(mayImport).filter(
      (key) => !page.includes(`\`${key}/\``) && !page.includes(`\`${key}\``),
    );
    expect(missing).toEqual([]);
  });

  it('import only what the table allows', () => {
    const wrong = imports
      .filter(({ from, file }) => {
        const room = roomOf(from) ?? '';
        const allowed = mayImport[room] ?? [];
        return (
          file !== undefined &&
          !isIn(file, room) &&
          !allowed.includes('*') &&
          !allowed.some((entry) => isIn(file, entry))
        );
      })
      .map(({ from, file }) => `${from} → ${file}`);
    expect(wrong).toEqual([]);
  });

  it('are allowed nothing that is not there', () => {
    const paths = sources.map(({ path }) => path);
    const gone = Object.values(mayImport)
      .flat()
      .filter((entry) => entry !== '*' && !paths.some((path) => isIn(path, entry)));
    expect(gone).toEqual([]);
  });

  it('form no circle', () => {
    const arrows = new Map(Object.keys(mayImport).map((room) => [room, new Set<string>()]));
    for (const { from, file } of imports) {
      const [room, other] = [roomOf(from), file === undefined ? undefined : roomOf(file)];
      if (room !== undefined && other !== undefined && room !== other) arrows.get(room)?.add(other);
    }
    expect(circlesOf(new Map([...arrows].map(([room, others]) => [room, [...others]])))).toEqual([]);
  });

  it('load a package only in the rooms that own it', () => {
    const wrong = imports
      .filter(
        ({ target, from, typeOnly }) =>
          !typeOnly && packagesOf[target]?.some((room) => isIn(from, room)) === false,
      )
      .map(({ from, target }) => `${from} → ${target}`);
    expect(wrong).toEqual([]);
  });

  it('never load a heavy package statically from a stage declaration, the runtime, the command line or the kit', () => {
    const loading = arrowsOf(({ dynamic, typeOnly }) => !dynamic && !typeOnly);
    const entries = ['cli/main.ts', 'cli/worker.ts', 'kit/index.ts'];
    const eager = new Set(entries.flatMap((entry) => [entry, ...reachableFrom(entry, loading)]));
    const wrong = imports
      .filter(
        ({ from, target, dynamic, typeOnly }) =>
          eager.has(from) && !dynamic && !typeOnly && neverAtStartUp.includes(target),
      )
      .map(({ from, target }) => `${from} → ${target}`);
    expect(wrong).toEqual([]);
  });
});

describe('the console', () => {
  const byThemselves = (files: readonly SourceFile[]): readonly string[] =>
    files.flatMap(({ path, prints }) =>
      prints
        .filter((text) => !(mayNameStreams.includes(path) && /^process\.std(?:out|err)$/.test(text)))
        .map((text) => `${path} ${text}`),
    );

  it('is written to by the room of this name alone', () => {
    expect(byThemselves(sources)).toEqual([]);
  });

  it('is not named by a file that no longer does', () => {
    const naming = new Set(sources.filter(({ prints }) => prints.length > 0).map(({ path }) => path));
    expect(mayNameStreams.filter((path) => !naming.has(path))).toEqual([]);
  });

  it('would be missed by nobody who prints by himself', () => {
    const text = `
      console.log('a');
      console['error']('a');
      process.stdout.write('a');
      io.stderr.write('a');
      stdout.write('a');
      const { stderr: other } = process;
      const { log } = console;
      writeLine(io.stderr, 'this is how');
      file.write('a');
    `;
    expect(byThemselves([readSource('cli/output.ts', text)])).toEqual(
      [
        'console.log',
        "console['error']",
        'process.stdout.write',
        'io.stderr.write',
        'stdout.write',
        '{ stderr: other } = process',
        '{ log } = console',
      ].map((found) => `cli/output.ts ${found}`),
    );
  });
});

describe('the files of src/', () => {
  it('have at most 400 lines', () => {
    expect(sources.filter(({ lines }) => lines > 401).map(({ path }) => path)).toEqual([]);
  });

  it(`have no function over ${mostLines} lines, but for the known ones`, () => {
    const long = sources.flatMap(({ path, functions }) =>
      functions.filter(({ lines }) => lines > mostLines).map(({ name }) => `${path} ${name}`),
    );
    expectOnly(long, knownLongFunctions);
  });

  it('parse JSON only in the known places, as files of JSON are read by readJsonFile', () => {
    const parsers = sources.filter(({ parsesJson }) => parsesJson).map(({ path }) => path);
    expectOnly(parsers, Object.keys(parsersOfJson));
  });

  it('import each other in no circle, types included, but for the known ones', () => {
    const circles = circlesOf(arrowsOf(() => true));
    const shown = (circle: readonly string[]): string => circle.join(', ');
    expectOnly(circles.map(shown), knownCircles.map(shown));
  });
});

/** Fails for what is found and not known, and for what is known and no longer found. */
function expectOnly(found: readonly string[], known: readonly string[]): void {
  const fresh = found.filter((entry) => !known.includes(entry));
  expect(fresh, 'these are new').toEqual([]);
  const gone = known.filter((entry) => !found.includes(entry));
  expect(gone, 'these are no longer true: remove them from the list').toEqual([]);
}

/** The files that each file imports, by those of its imports that count. */
function arrowsOf(counts: (entry: SourceFile['imports'][number]) => boolean): ReadonlyMap<string, string[]> {
  return new Map(
    sources.map(({ path, imports }) => [
      path,
      imports.filter(counts).flatMap(({ file }) => (file === undefined ? [] : [file])),
    ]),
  );
}
