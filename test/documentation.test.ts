import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Command } from 'commander';
import ts from 'typescript';
import { describe, expect, it } from 'vitest';
import { withForcedSelection } from '../src/cli/command-words.ts';
import { createProgram } from '../src/cli/program.ts';
import { explain } from '../src/dsl/diagnostics/explain.ts';
import { shellCommands } from './shell-commands.ts';
import { pages as documentation } from './yaml-blocks.ts';

/** The blocks of the documentation that are not YAML: test/docs.test.ts has those. */
const pages = [...documentation, 'CONTRIBUTING.md', 'ARCHITECTURE.md'];

interface Block {
  readonly place: string;
  readonly language: string;
  readonly mark: string;
  readonly text: string;
}

const blocks: readonly Block[] = pages.flatMap((page) => {
  const text = readFileSync(page, 'utf8');
  return [...text.matchAll(/^( *)```(\w+) *(.*)\n([^]*?)^ *```$/gm)].map((match) => ({
    place: `${page}:${text.slice(0, match.index).split('\n').length}`,
    language: match[2]!,
    mark: match[3]!,
    text: match[4]!.replaceAll(new RegExp(`^${match[1]!}`, 'gm'), ''),
  }));
});
const inLanguage = (...languages: readonly string[]): readonly Block[] =>
  blocks.filter(({ language, mark }) => languages.includes(language) && mark === '');

it('has no block in a language that no test reads', () => {
  expect([...new Set(blocks.map(({ language }) => language))].sort()).toEqual([
    'csv',
    'js',
    'json',
    'python',
    'sh',
    'text',
    'yaml',
  ]);
});

describe('the commands of the documentation', () => {
  const commands = inLanguage('sh').flatMap(({ place, text }) =>
    shellCommands(text).map((words) => ({ place, words })),
  );
  const ours = commands.filter(({ words }) => words[0] === 'ravelin');

  it('are there', () => {
    expect(ours.length).toBeGreaterThanOrEqual(40);
  });

  it.each(ours.map(({ place, words }) => [place, words.join(' '), words.slice(1)] as const))(
    '%s: %s has words and options that the command line knows',
    (_, __, words) => {
      expect(problemOf(words)).toBe(null);
    },
  );

  it('with node, npm and npx run what is there', () => {
    const { scripts } = JSON.parse(readFileSync('package.json', 'utf8')) as { scripts: object };
    const gone = commands.filter(({ words: [program, first, second] }) => {
      if (program === 'node') return !existsSync(first!) && first !== 'dist/cli.js';
      if (program !== 'npm' || first !== 'run') return false;
      return !Object.hasOwn(scripts, second!);
    });
    expect(gone).toEqual([]);
  });

  it('in the text name commands that exist', () => {
    const named = pages.flatMap((page) =>
      [...readFileSync(page, 'utf8').matchAll(/`ravelin ([a-z][a-z-]*)/g)].map(
        ([, name]) => `${page}: ${name!}`,
      ),
    );
    const known = new Set([...createProgram().commands.map((command) => command.name()), 'help']);
    expect(named.filter((line) => !known.has(line.split(': ')[1]!))).toEqual([]);
  });

  it('are refused for an unknown command, option or choice, and for a word too many', () => {
    expect(problemOf(['runn', 'x.yaml'])).toBe(
      "error: unknown command 'runn'\n(Did you mean one of run, runs?)",
    );
    expect(problemOf(['run', 'x.yaml', '--watchh'])).toBe(
      "error: unknown option '--watchh'\n(Did you mean --watch?)",
    );
    expect(problemOf(['run', 'x.yaml', '--backend', 'cuda'])).toMatch(
      /^error: option '--backend <name>' argument 'cuda' is invalid/,
    );
    expect(problemOf(['trust', 'this'])).toMatch(/^error: too many arguments for 'trust'/);
    expect(problemOf(['runs', 'shown'])).toMatch(/^error: /);
    expect(problemOf(['runs', 'show', '--time'])).toBe(null);
  });
});

describe('splitting a block into commands', () => {
  it('knows quotes, comments, variables, redirections and several commands of a line', () => {
    expect(
      shellCommands(
        'ravelin run \'a b[c=1]\' -S "x=1" # all\nA=1 ravelin plan > x && cd y; z | w\nravelin why \\\n  f\n# none\n',
      ),
    ).toEqual([
      ['ravelin', 'run', 'a b[c=1]', '-S', 'x=1'],
      ['ravelin', 'plan'],
      ['cd', 'y'],
      ['z'],
      ['w'],
      ['ravelin', 'why', 'f'],
    ]);
  });
});

describe('the code of the documentation', () => {
  it.each(inLanguage('json'))('$place is JSON', ({ text }) => {
    expect(() => JSON.parse(text) as unknown).not.toThrow();
  });

  // test/kit/types.long.test.ts compiles those of the guide against the types of the kit.
  it.each(inLanguage('js'))('$place is JavaScript', ({ text }) => {
    const { diagnostics } = ts.transpileModule(text, { reportDiagnostics: true, fileName: 'block.mjs' });
    expect(diagnostics!.map(({ messageText }) => messageText)).toEqual([]);
  });

  it('in Python compiles', () => {
    const script = `
import json, sys
for block in json.load(sys.stdin):
    try:
        compile(block["text"], block["place"], "exec")
    except SyntaxError as error:
        print(f"{error.filename}: line {error.lineno}: {error.msg}")
`;
    const module = 'templates/projects/own-model/my_model.py';
    const python = [...inLanguage('python'), { place: module, text: readFileSync(module, 'utf8') }];
    expect(python.length).toBeGreaterThanOrEqual(8);
    const input = JSON.stringify(python);
    expect(execFileSync('python3', ['-c', script], { input, encoding: 'utf8' })).toBe('');
  });

  it('in messages has codes that ravelin explains', () => {
    const codes = inLanguage('text').flatMap(({ place, text }) =>
      [...text.matchAll(/^\S+:\d+:\d+ (?:error|warning)\[([a-z-]+)\]/gm)].map(([, code]) => ({
        place,
        code: code!,
      })),
    );
    expect(codes.length).toBeGreaterThanOrEqual(8);
    expect(codes.filter(({ code }) => explain(code) === undefined)).toEqual([]);
  });

  it('in messages has the wording of the corpus of wrong pipelines', () => {
    const folder = 'test/diagnostics';
    const corpus = readdirSync(folder).filter((name) => name.endsWith('.txt'));
    const wordings = new Set(corpus.flatMap((name) => wordingsIn(readFileSync(join(folder, name), 'utf8'))));
    const shown = inLanguage('text').flatMap(({ place, text }) =>
      wordingsIn(text).map((wording) => ({ place, wording })),
    );
    expect(shown.length).toBeGreaterThanOrEqual(8);
    expect(shown.filter(({ wording }) => !wordings.has(wording))).toEqual([]);
  });
});

it('the index leads to every page of docs/', () => {
  const index = readFileSync('docs/README.md', 'utf8');
  const linked = new Set([...index.matchAll(/\]\(([^)#]+)/g)].map(([, path]) => join('docs', path!)));
  const top = documentation.filter((page) => /^docs\/[^/]+\.md$/.test(page) && page !== 'docs/README.md');
  expect(top.filter((page) => !linked.has(page))).toEqual([]);
});

/** The messages of diagnostics in a text, without their places and with blanks for what they quote. */
function wordingsIn(text: string): readonly string[] {
  return [...text.matchAll(/^ *\S+:\d+:\d+ (?:error|warning)(\[[a-z-]+\]: .*)$/gm)].map(([, message]) =>
    message!.replaceAll(/'[^']*'/g, "''").replaceAll(/[\w-]+\/[\w-]+|\w+\[[^\]]*=[^\]]*\]/g, '…'),
  );
}

/** What the command line says against these words, without running the command; null if they are right. */
function problemOf(words: readonly string[]): string | null {
  const said: string[] = [];
  const program = createProgram();
  const quiet = (command: Command): void => {
    command
      .exitOverride()
      .configureOutput({ writeOut: () => undefined, writeErr: (text) => said.push(text) });
    command.showHelpAfterError(false);
    if (command !== program) command.action(() => undefined);
    command.commands.forEach(quiet);
  };
  quiet(program);
  try {
    const [, , ...given] = withForcedSelection(['node', 'ravelin', ...words]);
    program.parse(given, { from: 'user' });
    return null;
  } catch (error) {
    if ((error as { readonly exitCode?: number }).exitCode === 0) return null;
    return said.join('').trim() || String(error);
  }
}
