import { describe, expect, it } from 'vitest';
import { graphOf, load } from './fakes.ts';

/** The pipeline lies in pipelines/ of the project, and reads a file and a folder of it. */
const pipeline = (path: string, plugins = '[]'): Readonly<Record<string, string>> => ({
  'main.yaml': `ravelin: 1
plugins: ${plugins}
include: [shared.yaml]
stages:
  photos: { uses: data/photos, with: { path: ../data/photos } }
  list: { uses: data/photos, with: { path: labels.csv } }
  whole: { uses: data/photos, with: { path: . } }
  blurred: { uses: defense/blur, in: { images: photos }, publish: ${JSON.stringify(path)} }
`,
  'shared.yaml': 'ravelin: 1\n',
});

const hidden = 'is hidden, and belongs to the tools of the project';
const tools = 'belongs to the tools of the project';

const hostile: readonly (readonly [path: string, why: string])[] = [
  ['main.yaml', 'the pipeline is made from this file'],
  ['../pipelines/main.yaml', 'the pipeline is made from this file'],
  ['MAIN.yaml', 'the pipeline is made from this file'],
  ['shared.yaml', 'the pipeline is made from this file'],
  ['../data/photos', 'a stage reads it'],
  ['../data/photos/cat/1.png', 'a stage reads it'],
  ['../Data/Photos/cat/1.png', 'a stage reads it'],
  ['labels.csv', 'a stage reads it'],
  ['../package.json', tools],
  ['../Package.JSON', tools],
  ['sub/package.json', tools],
  ['../package-lock.json', tools],
  ['../node_modules/yaml/dist/index.js', tools],
  ['.ravelin/actions/00.json', hidden],
  ['../.ravelin/last/x', hidden],
  ['../.git/config', hidden],
  ['../.git/hooks/post-checkout', hidden],
  ['../.GIT/config', hidden],
  ['.env', hidden],
  ['../.github/workflows/build.yml', hidden],
  ['../.npmrc', hidden],
  ['../.vscode/tasks.json', hidden],
  ['results/a\nb.md', 'has a sign that cannot be seen'],
  ['../\u200d.git/config', 'has a sign that cannot be seen'],
  ['../../other/x.md', 'is outside the project'],
  ['/etc/passwd', 'is outside the project'],
];

describe('publish:', () => {
  it.each(hostile)('refuses %j', (path, why) => {
    const loaded = load(pipeline(path));
    expect(loaded.ok ? [] : loaded.diagnostics.map(({ message }) => message)).toEqual([
      expect.stringContaining(why),
    ]);
  });

  it('refuses a module of a plugin of the pipeline', () => {
    const loaded = load(pipeline('../plugins/mine.mjs', '[../plugins/mine.mjs]'));
    expect(loaded.ok ? [] : loaded.diagnostics.map(({ message }) => message)).toEqual([
      "'../plugins/mine.mjs' cannot be published: the pipeline is made from this file",
    ]);
  });

  it.each([
    'results/x.npz',
    '../results/x.npz',
    'x.npz',
    '../data/results.npz',
    'main.yaml.npz',
    'a.b/c.npz',
  ])('takes %s', (path) => {
    expect(graphOf(pipeline(path)).stages.at(-1)!.publish).toEqual([{ port: 'images', path }]);
  });
});
