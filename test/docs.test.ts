import { execFile } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parseDocument } from 'yaml';
import { pages, type YamlBlock, yamlBlocks } from './yaml-blocks.ts';

/**
 * Every `yaml` block of the documentation goes through the built command line. A block that begins with `# file: NAME` is
 * written beside the others of its page, for `include:`. Only the mark `yaml fragment` excuses a block.
 */
const blocks = pages.flatMap(yamlBlocks);
const files = blocks.filter(({ mark, text }) => mark === '' && text.startsWith('# file: '));
const pipelines = blocks.filter((block) => block.mark === '' && !files.includes(block));

const markdown = [...pages, 'ARCHITECTURE.md', 'CONTRIBUTING.md'];
const folders = ['bench', 'docs', 'examples', 'pipelines', 'schemas', 'scripts', 'src', 'test'];
const rooms = readdirSync('src');

interface WrongLine {
  readonly file: string;
  readonly code: string;
  readonly message: string;
}

/** Codes whose wrong example is not YAML, or not one document of it. */
const aboutYaml = ['duplicate-key', 'many-documents', 'yaml-syntax'];

const folder = mkdtempSync(join(tmpdir(), 'ravelin-docs-'));
const nameOf = (page: string): string => page.replaceAll('/', '-').replace(/\.md$/, '');
const fileOf = ({ page, line }: YamlBlock): string => join(folder, nameOf(page), `line-${String(line)}.yaml`);
const errors = new Map<string, string[]>();

beforeAll(async () => {
  writeFileSync(join(folder, 'package.json'), '{}');
  for (const page of pages) mkdirSync(join(folder, nameOf(page)));
  for (const block of pipelines) writeFileSync(fileOf(block), block.text);
  for (const { page, text } of files) {
    const name = /^# file: (\S+)/.exec(text)![1]!;
    writeFileSync(join(folder, nameOf(page), name), text);
  }
  // Exit code 2 where one of them is wrong: what it prints says which.
  const { stdout } = await promisify(execFile)(
    process.execPath,
    [resolve('dist/cli.js'), 'validate', '--json', ...pipelines.map(fileOf)],
    { cwd: folder, maxBuffer: 1 << 26 },
  ).catch((error: unknown) => error as { readonly stdout: string });
  for (const { file, code, message } of JSON.parse(stdout) as readonly WrongLine[]) {
    // The files and the code that the pages name are those of their readers.
    if (code === 'missing-file' || code === 'code-not-allowed') continue;
    // Short examples of the language leave out weights and training.
    if (code === 'untrained-model') continue;
    const path = resolve(folder, file);
    errors.set(path, [...(errors.get(path) ?? []), message]);
  }
});

afterAll(() => rmSync(folder, { recursive: true }));

describe('the pipelines in the documentation', () => {
  it('are there', () => {
    expect(pipelines.length).toBeGreaterThanOrEqual(12);
    expect(files.length).toBeGreaterThanOrEqual(1);
  });

  it.each(pipelines)('$page, line $line, is valid', (block) => {
    expect(errors.get(fileOf(block)) ?? []).toEqual([]);
  });

  it('have no other mark than fragment, and no fragment outside the tutorial and the pages of errors, models and plugins', () => {
    const marked = blocks.filter(({ mark }) => mark !== '');
    expect([...new Set(marked.map(({ mark }) => mark))]).toEqual(['fragment']);
    expect([...new Set(marked.map(({ page }) => page))].sort()).toEqual([
      'docs/errors.md',
      'docs/extending.md',
      'docs/models.md',
      'docs/own-models.md',
      'docs/tutorial.md',
    ]);
  });

  it('have no error outside the blocks, as in a file that they include', () => {
    expect([...errors.keys()].filter((path) => !pipelines.map(fileOf).includes(path))).toEqual([]);
  });
});

it('the examples on the page of errors are YAML, except the wrong ones about YAML itself', () => {
  const sections = readFileSync('docs/errors.md', 'utf8').split(/^## /m).slice(3);
  const examples = sections.flatMap((section) => {
    const code = section.slice(0, section.indexOf('\n'));
    const [wrong, right] = [...section.matchAll(/^```yaml fragment\n([^]*?)^```$/gm)].map(
      ([, text]) => text!,
    );
    return aboutYaml.includes(code)
      ? [{ code, text: right! }]
      : [wrong!, right!].map((text) => ({ code, text }));
  });
  expect(examples.length).toBeGreaterThanOrEqual(130);
  // Lines with '…' leave something out, and some codes are about the command line or several files.
  const isWhole = (text: string): boolean => !/…|^ravelin |^# [\w-]+\.yaml$|^\(/m.test(text);
  const broken = examples.filter(
    ({ text }) => isWhole(text) && parseDocument(text, { version: '1.2' }).errors.length > 0,
  );
  expect(broken).toEqual([]);
});

it('the pipeline of README.md is a file, whose figure stands below it', () => {
  const [block] = yamlBlocks('README.md');
  expect(block?.text).toBe(readFileSync('pipelines/who-knows-the-defense.yaml', 'utf8'));
});

it('the links of the documentation lead somewhere', () => {
  const broken = markdown.flatMap((page) =>
    [...readFileSync(page, 'utf8').matchAll(/\]\((?!https?:)([^)#]+)?(#[^)]+)?\)/g)].flatMap(
      ([, path, anchor]) => {
        const target = path === undefined ? page : join(page, '..', path);
        return reaches(target, anchor) ? [] : [`${page}: ${path ?? ''}${anchor ?? ''}`];
      },
    ),
  );
  expect(broken).toEqual([]);
});

it('the paths that the documentation names are there', () => {
  const gone = markdown.flatMap((page) =>
    pathsIn(readFileSync(page, 'utf8')).flatMap((path) => (existsSync(path) ? [] : [`${page}: ${path}`])),
  );
  expect(gone).toEqual([]);
});

it('finds the paths in code spans, up to the first part that stands for many', () => {
  const text = [
    '`src/runtime/events.ts`, `attacks/fgsm.ts` and `npx vitest run test/docs.test.ts`,',
    'not `attack/fgsm`, `./src/mine.ts` or src/elsewhere.ts;',
    '`src/kernels/NAME/wasm.ts` and `kernels/*/forms.ts`',
  ].join('\n');
  expect(pathsIn(text)).toEqual([
    'src/runtime/events.ts',
    'src/attacks/fgsm.ts',
    'test/docs.test.ts',
    'src/kernels',
    'src/kernels',
  ]);
});

/**
 * Paths of this repository in the code spans of a page: those that begin with one of its folders, and those
 * of a file (`.ts`) or folder (`/`) that begin with a room of src/.
 */
function pathsIn(text: string): readonly string[] {
  const words = [...text.matchAll(/`([^`\n]+)`/g)].flatMap(([, code]) => code!.split(/[\s:;,]+/));
  return words.flatMap((word) => {
    const first = word.split('/')[0]!;
    const isOfRoom = rooms.includes(first) && /(?:\.tsx?|\/)$/.test(word);
    if (!word.includes('/') || !(folders.includes(first) || isOfRoom)) return [];
    const parts = (isOfRoom ? `src/${word}` : word).split('/');
    const many = parts.findIndex((part) => /[*{<…]|^[A-Z]+$/.test(part));
    return [(many < 0 ? parts : parts.slice(0, many)).join('/')];
  });
}

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
