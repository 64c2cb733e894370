import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { explain } from '../src/dsl/diagnostics/explain.ts';
import { loadPipeline } from '../src/dsl/load.ts';
import { renderDiagnostics } from '../src/dsl/diagnostics/render.ts';
import { stages } from '../src/stages/index.ts';

const folder = join(dirname(fileURLToPath(import.meta.url)), 'diagnostics');
const names = readdirSync(folder)
  .filter((name) => name.endsWith('.yaml'))
  .map((name) => name.replace(/\.yaml$/, ''))
  .sort();

interface Arguments {
  readonly overrides: readonly string[];
  readonly profile: readonly string[];
  readonly maxCells?: number;
}

/** A first line `# args: -S params.x=1 -p smoke --max-cells 20` says with what the pipeline is loaded. */
function argumentsOf(text: string): Arguments {
  const words = /^# args: (.*)$/m.exec(text.split('\n')[0]!)?.[1]?.split(' ') ?? [];
  const after = (flag: string): string[] =>
    words.flatMap((word, index) => (word === flag ? [words[index + 1]!] : []));
  const maxCells = after('--max-cells')[0];
  return {
    overrides: after('-S'),
    profile: after('-p'),
    ...(maxCells !== undefined && { maxCells: Number(maxCells) }),
  };
}

function diagnose(name: string): { text: string; codes: readonly string[] } {
  const file = join(folder, `${name}.yaml`);
  const loaded = loadPipeline({
    file,
    registry: stages,
    env: {},
    exists: existsSync,
    readData: (path) => (existsSync(path) ? readFileSync(path) : null),
    ...argumentsOf(readFileSync(file, 'utf8')),
  });
  const diagnostics = loaded.ok ? loaded.warnings : loaded.diagnostics;
  if (diagnostics.length === 0) throw new Error(`${name}.yaml is a correct pipeline`);
  return {
    text: renderDiagnostics(diagnostics, loaded.sources),
    codes: diagnostics.map(({ code }) => code),
  };
}

describe('the corpus of wrong pipelines', () => {
  it('has at least 60 of them', () => {
    expect(names.length).toBeGreaterThanOrEqual(60);
  });

  it.each(names)('%s is reported as written down', (name) => {
    const { text, codes } = diagnose(name);
    const file = join(folder, `${name}.txt`);
    if (process.env['UPDATE'] === '1' || (process.env['UPDATE'] === 'new' && !existsSync(file))) {
      writeFileSync(file, text);
    }
    expect(text).toBe(readFileSync(file, 'utf8'));
    for (const code of codes) expect(explain(code), code).toBeDefined();
    expect(text).not.toMatch(/\n\s+at .*:\d+:\d+\)?\n/);
  });
});
