import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { Ajv } from 'ajv';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { explainMarkdown } from '../src/dsl/explain.ts';
import { pipelineJsonSchema } from '../src/dsl/json-schema.ts';
import { stagesMarkdown } from '../src/dsl/stages-page.ts';
import { stages } from '../src/stages/index.ts';

const read = (path: string) => readFileSync(resolve(path), 'utf8');

describe('the generated files', () => {
  it.each([
    ['schemas/pipeline.schema.json', `${JSON.stringify(pipelineJsonSchema(stages), null, 2)}\n`],
    ['docs/stages.md', stagesMarkdown(stages)],
    ['docs/errors.md', explainMarkdown()],
  ])('%s is what npm run generate writes', (path, expected) => {
    expect(read(path).trimEnd()).toBe(expected.trimEnd());
  });

  it('take every pipeline that comes with ravelin, with plain Ajv', () => {
    const validate = new Ajv({ strict: true, allowUnionTypes: true }).compile(
      JSON.parse(read('schemas/pipeline.schema.json')) as object,
    );
    const files = readdirSync('pipelines').filter((name) => name.endsWith('.yaml'));
    expect(files.length).toBeGreaterThanOrEqual(2);
    for (const name of files) {
      validate(parse(read(`pipelines/${name}`)));
      expect({ name, errors: validate.errors }).toEqual({ name, errors: null });
    }
  });
});

/** Every whole pipeline in the documentation is checked by the command line itself. */
describe('the pipelines in the documentation', () => {
  const pages = [
    'README.md',
    ...readdirSync('docs')
      .filter((name) => name.endsWith('.md'))
      .map((name) => `docs/${name}`),
  ];
  const blocks = pages.flatMap((page) =>
    [...read(page).matchAll(/^```yaml\n(ravelin: 1\n.*?)^```$/gms)].map(([, text], index) => ({
      page,
      index,
      text: text!,
    })),
  );

  it('are there', () => {
    expect(blocks.length).toBeGreaterThanOrEqual(3);
  });

  it.each(blocks)('$page, number $index, is valid', async ({ text }) => {
    const { loadPipeline } = await import('../src/dsl/load.ts');
    const loaded = loadPipeline({
      file: '/project/docs.yaml',
      registry: stages,
      root: '/project',
      readFile: () => text,
    });
    expect(loaded.ok ? [] : loaded.diagnostics).toEqual([]);
  });
});

it('the built command line prints its version', () => {
  const { version } = JSON.parse(read('package.json')) as { version: string };
  expect(execFileSync(process.execPath, ['dist/cli.js', '--version'], { encoding: 'utf8' }).trim()).toBe(
    version,
  );
});
