import { page } from './page.ts';

/** The frame of a pipeline: versions, names, files, params. */
export const framePages = {
  'missing-version': page(
    'The version of the language is missing',
    "Every pipeline file begins with 'ravelin: 1', so that a file means the same for every later version of the program.",
    'stages: { … }',
    'ravelin: 1\nstages: { … }',
  ),
  'unsupported-version': page(
    'The file is written in another version of the language',
    'This program reads version 1. Nothing else in the file was judged, as its words may mean something else.',
    'ravelin: 2',
    'ravelin: 1',
  ),
  'unknown-key': page(
    'A key that the language does not have',
    'Unknown keys are errors, as most of them are misspelt known ones, and would otherwise be ignored without a word.',
    'stages:\n  images: { use: dataset/mnist }',
    'stages:\n  images: { uses: dataset/mnist }',
  ),
  'missing-key': page(
    'A key that must be there is missing',
    'The message names the key and what it takes.',
    'ravelin: 1\nname: empty',
    'ravelin: 1\nname: full\nstages:\n  digits: { uses: dataset/mnist }',
  ),
  'bad-id': page(
    'A name has characters that names cannot have',
    'Names of stages, params, templates, profiles and axes are letters, digits, - and _, and begin with a letter or _: they are written into references (stage.port) and names of cells (stage[axis=label]).',
    'stages:\n  my stage: { … }',
    'stages:\n  my-stage: { … }',
  ),
  'duplicate-id': page(
    'Two files give the same name to two things',
    'Included files are merged by name. Two stages, params, templates or profiles of one name would replace each other; both places are shown.',
    'include: common.yaml   # has stages: { digits: … }\nstages:\n  digits: { … }',
    'include: common.yaml\nstages:\n  more-digits: { … }',
  ),
  'include-not-found': page(
    'An included file cannot be read',
    'Paths under include: are relative to the file that includes.',
    'include: comon.yaml',
    'include: common.yaml',
  ),
  'include-cycle': page(
    'Files include each other in a circle',
    'A file cannot be a part of itself. The notes show the way round.',
    '# a.yaml\ninclude: b.yaml\n# b.yaml\ninclude: a.yaml',
    '# a.yaml\ninclude: b.yaml',
  ),
  'include-key': page(
    'An included file says what only the whole pipeline can say',
    'Name, seed, executor, plugins and settings hold for the whole pipeline and are said by the file that is run. Included files bring params, env, templates, defaults, stages and profiles.',
    '# common.yaml\nravelin: 1\nseed: 7',
    '# figure-4.yaml\nravelin: 1\nseed: 7\ninclude: common.yaml',
  ),
  'outside-root': page(
    'A path leaves the project',
    'Paths in a pipeline are relative to its file and stay inside the project: the nearest folder above with a package.json, .git or .ravelin. So a pipeline from elsewhere can neither read nor write your other files, and a project can be moved as a whole.',
    'with: { path: ../../../data/imagenet }',
    'with: { path: ../data/imagenet }   # data/imagenet in the project may be a link',
  ),
  'bad-plugin': page(
    'A plugin is neither a package nor a module of the project',
    'plugins: lists, by name, where further stage types come from: npm packages, or modules of this project as ./path. URLs and absolute paths are not loaded.',
    'plugins: [https://example.org/attack.js]',
    'plugins: [ravelin-extra-attacks, ./stages/my-attack.js]',
  ),
  'unknown-executor': page(
    'There is no such executor',
    'Cells run on local (worker processes on this machine) or slurm (job arrays).',
    'executor: { uses: slrum }',
    'executor: { uses: slurm, partition: gpu, time: 30m }',
  ),
  'unknown-profile': page(
    'There is no such profile',
    'A profile that is chosen with -p must stand under profiles:.',
    'ravelin run figure-4.yaml -p smok',
    'profiles:\n  smoke: { params: { images: 20 } }',
  ),
  'unknown-override': page(
    'A param that the pipeline does not have is set',
    '-S and profiles set params that are declared under params:. A misspelt one would change nothing without a word.',
    'ravelin run figure-4.yaml -S params.image=100',
    'ravelin run figure-4.yaml -S params.images=100',
  ),
  'bad-override': page(
    'An -S argument is not params.NAME=VALUE',
    'The value is read as YAML: 100, 8/255, true, [0, 0.06]. Only params can be set; for the seed there is --seed.',
    'ravelin run figure-4.yaml -S images=100',
    'ravelin run figure-4.yaml -S params.images=100',
  ),
  'missing-value': page(
    'A param has no value',
    'A param without a default must be set, with -S or by a profile.',
    'params:\n  data: { type: string }',
    'params:\n  data: { type: string, default: ../data/imagenet }',
  ),
  'unknown-template': page(
    'There is no such template',
    'extends: names parts under templates:, in this file or an included one.',
    'stages:\n  weak: { extends: atack }',
    'templates:\n  attack: { uses: attack/fgsm }\nstages:\n  weak: { extends: attack }',
  ),
  'extends-cycle': page(
    'Templates extend each other in a circle',
    'A template cannot be a part of itself. The notes show the way round.',
    'templates:\n  a: { extends: b }\n  b: { extends: a }',
    'templates:\n  a: { extends: b }\n  b: { uses: attack/fgsm }',
  ),
} as const;
