import { execFile } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { pages, type YamlBlock, yamlBlocks } from './yaml-blocks.ts';

/**
 * Every `yaml` block of the documentation goes through the built command line. A block that begins with `# file: NAME` is
 * written beside the others of its page, for `include:`. Only the mark `yaml fragment` excuses a block.
 */
const blocks = pages.flatMap(yamlBlocks);
const files = blocks.filter(({ mark, text }) => mark === '' && text.startsWith('# file: '));
const pipelines = blocks.filter((block) => block.mark === '' && !files.includes(block));

interface Mistake {
  readonly file: string;
  readonly message: string;
}

const folder = mkdtempSync(join(tmpdir(), 'ravelin-docs-'));
const fileOf = ({ page, line }: YamlBlock): string =>
  join(folder, basename(page, '.md'), `line-${String(line)}.yaml`);
const mistakes = new Map<string, string[]>();

beforeAll(async () => {
  writeFileSync(join(folder, 'package.json'), '{}');
  for (const page of pages) mkdirSync(join(folder, basename(page, '.md')));
  for (const block of pipelines) writeFileSync(fileOf(block), block.text);
  for (const { page, text } of files) {
    const name = /^# file: (\S+)/.exec(text)![1]!;
    writeFileSync(join(folder, basename(page, '.md'), name), text);
  }
  // Exit code 2 where one of them is wrong: what it prints says which.
  const { stdout } = await promisify(execFile)(
    process.execPath,
    [resolve('dist/cli.js'), 'validate', '--json', ...pipelines.map(fileOf)],
    { cwd: folder, maxBuffer: 1 << 26 },
  ).catch((error: unknown) => error as { readonly stdout: string });
  for (const { file, message } of JSON.parse(stdout) as readonly Mistake[]) {
    const path = resolve(folder, file);
    mistakes.set(path, [...(mistakes.get(path) ?? []), message]);
  }
});

afterAll(() => rmSync(folder, { recursive: true }));

describe('the pipelines in the documentation', () => {
  it('are there', () => {
    expect(pipelines.length).toBeGreaterThanOrEqual(12);
    expect(files.length).toBeGreaterThanOrEqual(1);
  });

  it.each(pipelines)('$page, line $line, is valid', (block) => {
    expect(mistakes.get(fileOf(block)) ?? []).toEqual([]);
  });

  it('have no other mark than fragment, and no fragment outside the pages of errors, models and plugins', () => {
    const marked = blocks.filter(({ mark }) => mark !== '');
    expect([...new Set(marked.map(({ mark }) => mark))]).toEqual(['fragment']);
    expect([...new Set(marked.map(({ page }) => page))].sort()).toEqual([
      'docs/errors.md',
      'docs/extending.md',
      'docs/models.md',
    ]);
  });

  it('have no mistake outside the blocks, as in a file that they include', () => {
    expect([...mistakes.keys()].filter((path) => !pipelines.map(fileOf).includes(path))).toEqual([]);
  });
});

it('the links of the documentation lead somewhere', () => {
  const broken = [...pages, 'ARCHITECTURE.md', 'CONTRIBUTING.md'].flatMap((page) =>
    [...readFileSync(page, 'utf8').matchAll(/\]\((?!https?:)([^)#]+)?(#[^)]+)?\)/g)].flatMap(
      ([, path, anchor]) => {
        const target = path === undefined ? page : join(page, '..', path);
        return reaches(target, anchor) ? [] : [`${page}: ${path ?? ''}${anchor ?? ''}`];
      },
    ),
  );
  expect(broken).toEqual([]);
});

function reaches(target: string, anchor: string | undefined): boolean {
  try {
    const text = readFileSync(target, 'utf8');
    return anchor === undefined || headings(text).includes(anchor.slice(1));
  } catch {
    return false;
  }
}

/** Anchors as GitHub makes them. */
function headings(text: string): readonly string[] {
  return [...text.matchAll(/^#+ (.*)$/gm)].map(([, title]) =>
    title!
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N}_ -]/gu, '')
      .replaceAll(' ', '-'),
  );
}
