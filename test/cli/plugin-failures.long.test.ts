import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { createProject, type Project } from './ravelin.ts';

const pipeline = 'ravelin: 1\nname: p\nplugins: [./mine.mjs]\nstages: { a: { uses: dataset/mnist } }\n';

/** A project that allows some plugins, the sources of which it has. */
function projectWith(plugins: Readonly<Record<string, string>>): Project {
  const entries = Object.keys(plugins).map((name) => `./${name}`);
  return createProject({
    'p.yaml': pipeline,
    'package.json': JSON.stringify({ ravelin: { plugins: entries } }),
    ...plugins,
  });
}

/** A defense with some declarations replaced; `undefined` takes one away. */
function defense(changes: Readonly<Record<string, string | undefined>> = {}): string {
  const declaration: Readonly<Record<string, string | undefined>> = {
    uses: "'defense/mine'",
    version: '1',
    summary: "'As it is'",
    with: '{}',
    defense: '{ apply: (pixels) => pixels.slice() }',
    ...changes,
  };
  const lines = Object.entries(declaration).flatMap(([name, text]) =>
    text === undefined ? [] : [`  ${name}: ${text},`],
  );
  return `import { defenseStage, Type } from 'ravelin';\nexport const stages = [defenseStage({\n${lines.join('\n')}\n})];\n`;
}

const strength = "{ name: 'epsilon', minimum: 0, maximum: 1, description: 'radius' }";
const declared = (maker: string, declaration: string): string =>
  `import { ${maker}, port, Type } from 'ravelin';\nexport const stages = [${maker}({ version: 1, summary: 's', ${declaration} })];\n`;

describe('a declaration that is wrong', () => {
  it.each([
    [
      'a Type.Object as with',
      defense({ with: "Type.Object({ k: Type.Integer({ description: 'k' }) })" }),
      "the 'with' of defense/mine is a Type.Object, but defenseStage takes the properties, not a Type.Object",
    ],
    [
      'a Type.Object as with of an attack',
      declared(
        'attackStage',
        `uses: 'attack/a', strength: ${strength}, with: Type.Object({}), example: {}, attack: () => {}`,
      ),
      'but attackStage takes the properties, not a Type.Object',
    ],
    [
      'properties as with of any other stage',
      declared(
        'defineStage',
        "uses: 'lab/a', with: {}, in: {}, out: { images: port('images') }, run: () => {}",
      ),
      "the 'with' of lab/a is not a Type.Object, which defineStage takes",
    ],
    [
      'a parameter that is no schema',
      defense({ with: '{ k: 3 }' }),
      "the parameter 'k' of defense/mine is not a TypeBox schema",
    ],
    ['no defense', defense({ defense: undefined }), "defense/mine has no 'defense'"],
    [
      'a defense that does nothing',
      defense({ defense: '{}' }),
      "defense/mine has no function 'apply' in its 'defense'",
    ],
    [
      'no attack',
      declared('attackStage', `uses: 'attack/a', strength: ${strength}, with: {}, example: {}`),
      "attack/a has no function 'attack'",
    ],
    [
      'no strength',
      declared('attackStage', "uses: 'attack/a', with: {}, example: {}, attack: () => {}"),
      'attack/a does not say what its strength is',
    ],
    [
      'no score',
      declared('metricStage', "uses: 'evaluate/a', gives: 'a'"),
      "evaluate/a has no function 'score'",
    ],
    ['no draw', declared('reportStage', "uses: 'report/a', in: {}"), "report/a has no function 'draw'"],
    [
      'no read',
      declared('datasetStage', "uses: 'dataset/a', with: {}, gives: '', survey: () => ({ images: 1 })"),
      "dataset/a has no function 'read'",
    ],
    [
      'no run',
      declared(
        'defineStage',
        "uses: 'lab/a', with: Type.Object({}), in: {}, out: { images: port('images') }",
      ),
      "lab/a has no function 'run'",
    ],
    ['no name', defense({ uses: undefined }), 'defenseStage is given no name'],
    ['no summary', defense({ summary: undefined }), '(defense/mine) has no summary'],
    [
      'a parameter without a description',
      defense({ with: '{ k: Type.Integer({ default: 1 }) }' }),
      "(defense/mine) has a parameter 'k' without a description",
    ],
    [
      'an example that the schema refuses',
      defense({ with: "{ k: Type.Integer({ minimum: 3, description: 'k' }) }", example: '{ k: 1 }' }),
      "the example of defense/mine in the plugin './mine.mjs' is wrong: 'k' takes a whole number of at least 3",
    ],
    [
      'an example that the check refuses',
      declared(
        'attackStage',
        `uses: 'attack/a', strength: ${strength}, with: {}, example: {}, attack: () => {}`,
      ),
      "the example of attack/a in the plugin './mine.mjs' is wrong: the attack has no strength",
    ],
  ])('%s is an error of the plugin, at its entry in the pipeline', async (_, source, reason) => {
    const { code, stderr } = await projectWith({ 'mine.mjs': source }).run('plan', 'p.yaml');
    expect({ code, stderr }).toMatchObject({ code: 2, stderr: expect.stringContaining(reason) as string });
    expect(stderr).toContain('p.yaml:3:11 error[bad-plugin]');
    expect(stderr).toContain('    3 | plugins: [./mine.mjs]\n      |           ^~~~~~~~~~\n');
    expect(stderr).not.toMatch(/error in ravelin|\n\s+at /);
  });
});

describe('a plugin that cannot be loaded', () => {
  it.each([
    [
      'a syntax error',
      { 'mine.mjs': "export const stages = [\n  { uses: 'a' summary: 'b' },\n];\n" },
      "SyntaxError: Unexpected identifier 'summary'",
      'mine.mjs:2:15',
    ],
    [
      'a syntax error of a module that it imports',
      { 'mine.mjs': "import './lib.mjs';\nexport const stages = [];\n", 'lib.mjs': '\nexport const = 1;\n' },
      "SyntaxError: Unexpected token '='",
      'lib.mjs:2:14',
    ],
    [
      'an error that it throws',
      { 'mine.mjs': 'const wrong = 1;\nwrong.map();\nexport const stages = [];\n' },
      'TypeError: wrong.map is not a function',
      'mine.mjs:2:7',
    ],
    [
      'a wrong name of the kit',
      { 'mine.mjs': "import { Type, defenseStag } from 'ravelin';\nexport const stages = [];\n" },
      "'ravelin' exports no 'defenseStag'; did you mean 'defenseStage'?",
      'mine.mjs:1:16',
    ],
    [
      'a package that is not there',
      { 'mine.mjs': "import 'ravelin';\nimport x from 'no-such-package';\n" },
      "it imports 'no-such-package', which is not installed",
      'mine.mjs:2:16',
    ],
    [
      'a part of ravelin that is not there',
      { 'mine.mjs': "import { Type } from 'ravelin';\nimport { x } from 'ravelin/other';\n" },
      'it imports a part of ravelin that does not exist',
      'mine.mjs:2:20',
    ],
    [
      'a file that is not there',
      { 'mine.mjs': "import x from './lib.mjs';\n" },
      'lib.mjs, which does not exist',
      'mine.mjs:1:16',
    ],
  ])('because of %s shows where', async (_, files, reason, place) => {
    const project = projectWith(files);
    project.write('package.json', '{ "ravelin": { "plugins": ["./mine.mjs"] } }');
    const planned = await project.run('plan', 'p.yaml');
    expect(planned).toMatchObject({ code: 2, stderr: expect.stringContaining(reason) as string });
    expect(planned.stderr).toContain('p.yaml:3:11 error[bad-plugin]');
    expect(planned.stderr).toContain(`${place} note: here is the cause`);
    // A command without a pipeline has the place in the sentence.
    expect((await project.run('stages')).stderr).toContain(`(${place})`);
    const [json] = (await project
      .run('validate', 'p.yaml', '--json')
      .then(({ stdout }) => JSON.parse(stdout) as unknown)) as [{ code: string; line: number }];
    expect(json).toMatchObject({ code: 'bad-plugin', line: 3, column: 11 });
  });
});

it.each([
  ['ravelin', "it requires 'ravelin', which is an ES module", 'write it as .mjs'],
  ['left-pad', "it requires 'left-pad', which is not installed", 'run npm install left-pad'],
  ['./lib.cjs', "it requires './lib.cjs', which is not installed", 'correct the path'],
])('a CommonJS plugin that requires %s says what to do, and where', async (name, reason, fix) => {
  const project = projectWith({ 'mine.cjs': `\nconst x = require('${name}');\n` });
  const { stderr } = await project.run('stages');
  expect(stderr).toContain(reason);
  expect(stderr).toContain('(mine.cjs:2:11)');
  expect(stderr).toContain(fix);
});

describe('one broken plugin among others', () => {
  const project = projectWith({
    'broken.mjs': 'export const = 1;',
    'fine.mjs': defense({ uses: "'defense/fine'" }),
    'taken.mjs': defense({ uses: "'defense/fine'" }),
    'fgsm.mjs': defense({ uses: "'defense/jpeg'" }),
  });

  it('is named with its cause, and the others are shown', async () => {
    for (const command of [['stages'], ['schema']]) {
      const { code, stdout, stderr } = await project.run(...command);
      expect(code).toBe(0);
      expect(stdout).toContain('defense/fine');
      expect(stderr).toContain("the plugin './broken.mjs' cannot be loaded: SyntaxError");
      expect(stderr).toContain(
        "'./taken.mjs' declares defense/fine, which the plugin './fine.mjs' declares too",
      );
      expect(stderr).toContain("'./fgsm.mjs' declares defense/jpeg, which is built in");
    }
  });

  it('leaves a schema that is there as it is', async () => {
    project.write('schema.json', 'before');
    const { code, stderr } = await project.run('schema', '--out', 'schema.json');
    expect(code).toBe(2);
    expect(stderr).toContain('schema.json was not changed');
    expect(readFileSync(project.path('schema.json'), 'utf8')).toBe('before');
  });

  it('fails ravelin test with a sentence, and the others are tried', async () => {
    const { code, stdout, stderr } = await project.run('test');
    expect(code).toBe(1);
    expect(stdout).toContain('defense/fine transforms each image by itself');
    expect(stdout).not.toContain('chunk-');
    expect(stderr).toContain("error: the plugin './broken.mjs' cannot be loaded");
    expect(stderr).toContain("error: the plugin './taken.mjs' declares defense/fine");
    expect((await project.run('test', 'fine')).code).toBe(0);
  });
});

describe('ravelin test without a test file', () => {
  const dataset = (path: string): string => `import { readFileSync } from 'node:fs';
import { datasetStage, Type } from 'ravelin';
const values = (path) => readFileSync(path, 'utf8').trim().split(' ').map(Number);
export const stages = [datasetStage({
  uses: 'dataset/numbers',
  version: 1,
  summary: 'One grey pixel for each number',
  with: { path: Type.String({ format: 'path', description: 'the file' }), shift: Type.Number({ default: 0, description: 'added' }) },
  example: { path: '${path}' },
  gives: 'float32 [n, 1, 1, 1]',
  survey: ({ params, resolve }) => ({ images: values(resolve(params.path)).length }),
  read: ({ params, resolve, first, count }) => {
    const some = values(resolve(params.path)).slice(first, first + count);
    return { pixels: Float32Array.from(some, (value) => value + params.shift), size: [1, 1, 1], labels: some.map(() => 0) };
  },
})];
`;
  const report = (
    port: string,
    draw: string,
  ): string => `import { port, reportStage, scoreRows, StageError } from 'ravelin';
export const stages = [reportStage({
  uses: 'report/mine', version: 1, summary: 's', in: { given: ${port} }, draw: ({ given }) => ${draw},
})];
`;

  it.each([
    [
      'the invariants of datasets if the example can be read',
      { 'mine.mjs': dataset('some.txt'), 'some.txt': '0 0.1 0.2 0.3 0.4 0.5 0.6 0.7' },
      0,
      /(✔|^ok \d+ -) dataset\/numbers gives an image the same bytes in any shard/m,
    ],
    [
      'and fails if they do not hold',
      { 'mine.mjs': dataset('some.txt'), 'some.txt': '7 0.1 0.2 0.3 0.4 0.5 0.6 0.7' },
      1,
      /gives labelled images in \[0, 1\]/,
    ],
    [
      'nothing, and says why, if it cannot',
      { 'mine.mjs': dataset('none.txt') },
      0,
      /dataset\/numbers.*the images of its example cannot be read.*write a test beside the plugin/,
    ],
    [
      'the invariants of reports on sample values',
      {
        'mine.mjs': report(
          "port('metrics', { list: true })",
          '({ files: { md: JSON.stringify(scoreRows(given)) } })',
        ),
      },
      0,
      /(✔|^ok \d+ -) report\/mine gives the same bytes in every run/m,
    ],
    [
      'and fails if they do not hold for a report',
      { 'mine.mjs': report("port('predictions')", '({ files: { md: String(Math.random()) } })') },
      1,
      /(✖|^not ok \d+ -) report\/mine gives the same bytes in every run/m,
    ],
    [
      'no invariants of a report that refuses sample values',
      { 'mine.mjs': report("port('metrics')", "{ throw new StageError('there is no ece'); }") },
      0,
      /report\/mine.*it cannot draw sample values \(there is no ece\)/,
    ],
  ])('tries %s', async (_, files, expected, shown) => {
    const project = projectWith({ 'mine.mjs': files['mine.mjs'] });
    for (const [name, text] of Object.entries(files)) project.write(name, text);
    const { code, stdout } = await project.run('test');
    expect({ code, stdout }).toMatchObject({
      code: expected,
      stdout: expect.stringMatching(shown) as string,
    });
  });
});
