import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';

/** The table of rooms in ARCHITECTURE.md, as a test: what each folder of src/ may import. */
const mayImport: Readonly<Record<string, readonly string[]>> = {
  values: [],
  dsl: ['values/json.ts', 'values/nearest.ts'],
  setup: [],
  tensors: ['values', 'setup/locations.ts'],
  kernels: ['tensors', 'values'],
  models: ['tensors', 'kernels', 'values'],
  attacks: ['tensors', 'kernels', 'models', 'defenses', 'values'],
  defenses: ['tensors', 'kernels', 'models', 'values'],
  training: ['tensors', 'kernels', 'models', 'values'],
  metrics: ['tensors', 'kernels', 'models', 'values'],
  runtime: ['dsl', 'values'],
  report: ['runtime', 'values'],
  stages: [
    'runtime/stage.ts',
    'values',
    'tensors',
    'models',
    'attacks',
    'defenses',
    'training',
    'metrics',
    'report',
  ],
  dashboard: ['runtime/events.ts', 'dsl/graph.ts'],
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
  yaml: ['dsl'],
  ajv: ['dsl'],
  sharp: ['defenses', 'report', 'stages', 'cli'],
  commander: ['cli'],
  execa: ['setup', 'runtime'],
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

interface Import {
  readonly file: string;
  readonly room: string;
  readonly target: string;
  readonly dynamic: boolean;
  readonly typeOnly: boolean;
}

const source = fileURLToPath(new URL('../src', import.meta.url));

describe('the rooms of src/', () => {
  const imports = readImports();

  it('are the ones in the table', () => {
    expect([...new Set(imports.map(({ room }) => room))].sort()).toEqual(
      Object.keys(mayImport)
        // A room without a file is not in a checkout, as git keeps no empty folders.
        .filter((room) => existsSync(join(source, room)) && readdirSync(join(source, room)).length > 0)
        .sort(),
    );
  });

  it('import only what the table allows', () => {
    const wrong = imports
      .filter(({ target }) => target.startsWith('.'))
      .map((entry) => ({
        ...entry,
        to: relative(source, resolve(source, dirname(entry.file), entry.target)),
      }))
      .filter(({ room, to }) => {
        const allowed = mayImport[room] ?? [];
        return !(
          to.split('/')[0] === room ||
          allowed.includes('*') ||
          allowed.some((entry) => to === entry || to.startsWith(`${entry}/`))
        );
      })
      .map(({ file, to }) => `${file} → ${to}`);
    expect(wrong).toEqual([]);
  });

  it('load a package only in the rooms that own it', () => {
    const wrong = imports
      .filter(({ target, room, typeOnly }) => !typeOnly && packagesOf[target]?.includes(room) === false)
      .map(({ file, target }) => `${file} → ${target}`);
    expect(wrong).toEqual([]);
  });

  it('never load a heavy package statically from a stage declaration, the runtime or the command line', () => {
    const eager = reachableStatically(imports, ['cli/main.ts', 'cli/worker.ts']);
    const wrong = imports
      .filter(
        ({ file, target, dynamic, typeOnly }) =>
          eager.has(file) && !dynamic && !typeOnly && neverAtStartUp.includes(target),
      )
      .map(({ file, target }) => `${file} → ${target}`);
    expect(wrong).toEqual([]);
  });

  it('have no file over 400 lines', () => {
    const long = files()
      .map((file) => ({ file, lines: readFileSync(join(source, file), 'utf8').split('\n').length }))
      .filter(({ lines }) => lines > 401);
    expect(long).toEqual([]);
  });
});

function reachableStatically(imports: readonly Import[], entries: readonly string[]): Set<string> {
  const reached = new Set<string>();
  const queue = [...entries];
  for (let file = queue.pop(); file !== undefined; file = queue.pop()) {
    if (reached.has(file)) continue;
    reached.add(file);
    for (const entry of imports) {
      if (entry.file === file && !entry.dynamic && !entry.typeOnly && entry.target.startsWith('.')) {
        queue.push(relative(source, resolve(source, dirname(file), entry.target)));
      }
    }
  }
  return reached;
}

function readImports(): Import[] {
  return files().flatMap((file) => {
    const text = readFileSync(join(source, file), 'utf8');
    const room = file.split('/')[0]!;
    const found: Import[] = [];
    for (const [, type, target] of text.matchAll(/^(?:import|export) (type )?[^;]*?from '([^']+)';/gms)) {
      found.push({ file, room, target: target!, dynamic: false, typeOnly: type !== undefined });
    }
    for (const [, target] of text.matchAll(/^import '([^']+)';/gm)) {
      found.push({ file, room, target: target!, dynamic: false, typeOnly: false });
    }
    for (const [, target] of text.matchAll(/(?<!typeof )\bimport\('([^']+)'\)/g)) {
      found.push({ file, room, target: target!, dynamic: true, typeOnly: false });
    }
    return found;
  });
}

function files(): string[] {
  return readdirSync(source, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && /\.tsx?$/.test(entry.name))
    .map((entry) => relative(source, join(entry.parentPath, entry.name)))
    .sort();
}
