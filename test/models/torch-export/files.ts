/** Programs of torch.export for tests: those of test/reference/torch_export_files.py, and changed ones. */
import { readdirSync, readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { unzipSync, zipSync } from 'fflate';

/** From the project's root, because the soak runs bundled. */
export const fixtures = resolve('test/reference/torch-export-files');

export interface Expected {
  readonly files: readonly string[];
  readonly shape: readonly [number, number, number, number];
  readonly pixels: readonly number[];
  readonly logits?: readonly number[];
  /** After the softmax at the end. */
  readonly probabilities?: readonly number[];
  readonly cotangent: readonly number[];
  readonly gradient: readonly number[];
}

export function expectations(): Readonly<Record<string, Expected>> {
  return JSON.parse(readFileSync(`${fixtures}/expected.json`, 'utf8')) as Readonly<Record<string, Expected>>;
}

export function fixtureBytes(): readonly Uint8Array[] {
  return readdirSync(fixtures)
    .filter((name) => name.endsWith('.pt2'))
    .sort()
    .map((name) => fixture(name));
}

export function fixture(name: string): Uint8Array {
  return new Uint8Array(readFileSync(`${fixtures}/${name}`));
}

export type Entries = Record<string, Uint8Array>;

/** The entries of an archive by their names after its folder. */
export function entriesOf(bytes: Uint8Array): Entries {
  return Object.fromEntries(
    Object.entries(unzipSync(bytes)).map(([name, data]) => [name.slice(name.indexOf('/') + 1), data]),
  );
}

export function archive(entries: Entries): Uint8Array {
  return zipSync(Object.fromEntries(Object.entries(entries).map(([name, data]) => [`x/${name}`, data])), {
    level: 0,
  });
}

/** The JSON of an entry changed. */
export function changed(bytes: Uint8Array, entry: string, change: (json: never) => unknown): Uint8Array {
  const entries = entriesOf(bytes);
  const json = JSON.parse(new TextDecoder().decode(entries[entry])) as never;
  change(json);
  return archive({ ...entries, [entry]: new TextEncoder().encode(JSON.stringify(json)) });
}

export const programEntry = 'models/model.json';
