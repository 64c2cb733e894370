import { execFileSync } from 'node:child_process';
import {
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join, resolve } from 'node:path';
import ts from 'typescript';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

/** The examples, the templates of `ravelin new` and the code of the guide, compiled as a plugin's author would: against the types that the package ships. */
const folder = mkdtempSync(join(tmpdir(), 'ravelin-types-'));
const examples = readdirSync('examples/plugins');
const templates = readdirSync('templates/plugins');
const blocks = ['docs/extending.md', 'docs/plugin-reference.md'].flatMap((page) =>
  [...readFileSync(page, 'utf8').matchAll(/^```js\n([^]*?)^```$/gm)].map(([, text]) => text!),
);
/** What somebody wrote with the guide alone, and had to cast. */
const newcomers = {
  'no-parameters.mjs': `// @ts-check
import { defenseStage } from 'ravelin';
export const stages = [
  defenseStage({
    uses: 'defense/a', version: 1, summary: 's', with: {},
    defense: {
      apply: (pixels, [rows]) => pixels.map((value) => value / rows),
      pullBack: (gradient, _input, [rows]) => gradient.map((slope) => slope / rows),
    },
  }),
];
`,
  'typed-function.mjs': `// @ts-check
import { defenseStage, Type } from 'ravelin';
export const stages = [
  defenseStage({
    uses: 'defense/b', version: 1, summary: 's',
    with: {
      p: Type.Number({ default: 0.5, description: 'factor' }),
      draws: Type.Integer({ default: 3, description: 'views' }),
    },
    views: ({ draws }) => draws,
    defense: { apply: scale, pullBack: (gradient, _input, shape, params) => scale(gradient, shape, params) },
  }),
];
/** @type {(values: Float32Array, shape: import('ravelin').PixelShape, params: { p: number }) => Float32Array} */
function scale(values, _shape, { p }) {
  return values.map((value) => p * value);
}
`,
};
let errors = new Map<string, readonly string[]>();

beforeAll(() => {
  execFileSync(process.execPath, ['scripts/types.mjs']);
  mkdirSync(join(folder, 'node_modules/@types'), { recursive: true });
  for (const name of ['@sinclair', '@types/node', 'undici-types'])
    symlinkSync(resolve('node_modules', name), join(folder, 'node_modules', name));
  symlinkSync(resolve('.'), join(folder, 'node_modules/ravelin'));
  for (const name of examples) copyFileSync(join('examples/plugins', name), join(folder, name));
  copyFileSync('examples/plugins/mi-fgsm.mjs', join(folder, 'my-attack.mjs'));
  for (const name of templates) {
    // Each test imports its plugin under the name that stands for the user's.
    const plugin = name.replace(/(\.test)?\.mjs$/, '');
    const text = readFileSync(join('templates/plugins', name), 'utf8');
    writeFileSync(
      join(folder, `template-${name}`),
      text.replace('./my-plugin.mjs', `./template-${plugin}.mjs`),
    );
  }
  for (const [name, text] of Object.entries(newcomers)) writeFileSync(join(folder, name), text);
  blocks.forEach((text, index) => writeFileSync(join(folder, `block-${index}.mjs`), `// @ts-check\n${text}`));
  const files = [
    ...examples,
    ...templates.map((name) => `template-${name}`),
    ...Object.keys(newcomers),
    ...blocks.map((_, index) => `block-${index}.mjs`),
  ].map((name) => join(folder, name));
  const program = ts.createProgram(files, {
    allowJs: true,
    checkJs: true,
    strict: true,
    noEmit: true,
    skipLibCheck: false,
    target: ts.ScriptTarget.ES2022,
    module: ts.ModuleKind.NodeNext,
    moduleResolution: ts.ModuleResolutionKind.NodeNext,
    types: ['node'],
    typeRoots: [join(folder, 'node_modules/@types')],
    preserveSymlinks: true,
  });
  const found = ts.getPreEmitDiagnostics(program).map((diagnostic) => {
    const place = diagnostic.file?.getLineAndCharacterOfPosition(diagnostic.start ?? 0).line ?? 0;
    const text = ts.flattenDiagnosticMessageText(diagnostic.messageText, ' ');
    return [basename(diagnostic.file?.fileName ?? 'options'), `line ${place + 1}: ${text}`] as const;
  });
  errors = new Map(
    found.map(([name]) => [name, found.filter(([other]) => other === name).map(([, text]) => text)]),
  );
});

afterAll(() => rmSync(folder, { recursive: true }));

describe('with the types of the package', () => {
  it.each([...examples, ...templates.map((name) => `template-${name}`), ...Object.keys(newcomers)])(
    '%s compiles',
    (name) => expect(errors.get(name) ?? []).toEqual([]),
  );

  it.each(
    blocks.map((text, index) => [text.split('\n').find((line) => line !== '// @ts-check')!, index] as const),
  )('the block of the guide that begins with %s compiles', (_, index) => {
    expect(errors.get(`block-${index}.mjs`) ?? []).toEqual([]);
  });

  it('the declarations are whole themselves', () => {
    const own = ['kit.d.ts', 'testing.d.ts', 'shared.d.ts', 'options'].map((name) => errors.get(name) ?? []);
    expect(own).toEqual([[], [], [], []]);
  });

  it('a parameter that does not exist is an error', () => {
    const wrong = join(folder, 'wrong.ts');
    const text = readFileSync('examples/plugins/mi-fgsm.mjs', 'utf8').replace(
      '{ steps, decay,',
      '{ steps, decai,',
    );
    writeFileSync(wrong, text);
    const program = ts.createProgram([wrong], {
      strict: true,
      noEmit: true,
      target: ts.ScriptTarget.ES2022,
      module: ts.ModuleKind.NodeNext,
      moduleResolution: ts.ModuleResolutionKind.NodeNext,
      types: [],
      preserveSymlinks: true,
    });
    expect(ts.getPreEmitDiagnostics(program).length).toBeGreaterThan(0);
  });
});
