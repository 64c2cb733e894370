import { page } from './page.ts';

/** The frame of a pipeline: versions, names, files, params. */
export const framePages = {
  'missing-version': page(
    'The version of the language is missing',
    "Every pipeline file begins with 'ravelin: 1', so that it means the same in every later version of ravelin.",
    'stages: { … }',
    'ravelin: 1\nstages: { … }',
  ),
  'unsupported-version': page(
    'The file is written in another version of the language',
    'This version of ravelin reads version 1 of the language. The rest of the file was not checked, because its keys may mean something else.',
    'ravelin: 2',
    'ravelin: 1',
  ),
  'unknown-key': page(
    'Unknown key',
    'Unknown keys are errors, because most of them are misspelt known ones, which would otherwise be ignored silently.',
    'stages:\n  images: { use: dataset/mnist }',
    'stages:\n  images: { uses: dataset/mnist }',
  ),
  'missing-key': page(
    'A required key is missing',
    'The message names the key and what it takes. Add it at the place that is shown.',
    'ravelin: 1\nname: empty',
    'ravelin: 1\nname: full\nstages:\n  digits: { uses: dataset/mnist }',
  ),
  'bad-id': page(
    'A name has characters that are not allowed',
    'Names of stages, params, templates, profiles and axes consist of letters, digits, - and _, and begin with a letter or _, because they are part of references (stage.output) and of names of cells (stage[axis=label]).',
    'stages:\n  my stage: { … }',
    'stages:\n  my-stage: { … }',
  ),
  'duplicate-id': page(
    'Two files use the same name',
    'Included files are merged by name. Two stages, params, templates or profiles with the same name would replace each other, so rename one of them. Both places are shown.',
    'include: common.yaml   # has stages: { digits: … }\nstages:\n  digits: { … }',
    'include: common.yaml\nstages:\n  more-digits: { … }',
  ),
  'include-not-found': page(
    'An included file cannot be read',
    'Paths under include: are relative to the file that contains them.',
    'include: comon.yaml',
    'include: common.yaml',
  ),
  'include-cycle': page(
    'Files include each other in a circle',
    'A file cannot include itself, directly or through other files. The notes show the circle.',
    '# a.yaml\ninclude: b.yaml\n# b.yaml\ninclude: a.yaml',
    '# a.yaml\ninclude: b.yaml',
  ),
  'include-key': page(
    'An included file has a key that holds for the whole pipeline',
    'Name, seed, executor, backend, plugins and settings hold for the whole pipeline, so they belong to the file that is run. Included files may have params, env, templates, defaults, stages and profiles.',
    '# common.yaml\nravelin: 1\nseed: 7',
    '# figure-4.yaml\nravelin: 1\nseed: 7\ninclude: common.yaml',
  ),
  'outside-root': page(
    'A path leaves the project',
    "Paths in a pipeline are relative to its file and must stay inside the project, which is the nearest folder above with a package.json or .git, or else the folder of the pipeline. So a pipeline from elsewhere can neither read nor write your other files, and a project can be moved as a whole. Data that lies elsewhere can be linked into the project, or read where it is after 'ravelin allow-path FOLDER'.",
    'with: { path: ../../../data/imagenet }',
    'with: { path: ../data/imagenet }   # data/imagenet in the project may be a link',
  ),
  'bad-plugin': page(
    'A plugin cannot be used',
    "plugins: lists npm packages and modules of this project (./path) that add stage types. URLs and absolute paths are not loaded, and neither is a plugin that the package.json of the project does not allow, or any plugin of a project that you have not trusted with 'ravelin trust'. If a plugin cannot be loaded or declares a stage wrongly, the message says what is wrong, and where in the plugin.",
    'plugins: [https://example.org/attack.js]',
    'plugins: [ravelin-extra-attacks, ./stages/my-attack.js]',
  ),
  'unknown-executor': page(
    'Unknown executor',
    'The executors are local (worker processes on this machine) and slurm (job arrays on a cluster).',
    'executor: { uses: slrum }',
    'executor: { uses: slurm, partition: gpu, time: 30m }',
  ),
  'flag-not-allowed': page(
    'A flag for sbatch that the project does not allow',
    'Flags that choose nodes, time and priority of a job, such as --exclude, --nice and --reservation, may stand in any pipeline. The others can change what a job runs, what it inherits or which files it writes, so the package.json of the project must allow each of them to the letter: "ravelin": { "slurmFlags": ["--export=NONE"] }.',
    "executor: { uses: slurm, flags: ['--wrap=reboot'] }",
    "executor: { uses: slurm, flags: ['--exclude=node7'] }",
  ),
  'unknown-profile': page(
    'Unknown profile',
    'A profile that is chosen with -p must be declared under profiles:.',
    'ravelin run figure-4.yaml -p smok',
    'profiles:\n  smoke: { params: { images: 20 } }',
  ),
  'unknown-override': page(
    'Unknown param',
    '-S and profiles can only set params that are declared under params:. A misspelt one would otherwise be ignored silently.',
    'ravelin run figure-4.yaml -S params.image=100',
    'ravelin run figure-4.yaml -S params.images=100',
  ),
  'bad-override': page(
    'An -S argument is not params.NAME=VALUE',
    'The value is read as YAML: 100, 8/255, true, [0, 0.06]. A param that takes a text takes words as they are; elsewhere, a # after a blank would be a comment, which is refused. Only params can be set this way; use --seed to set the seed.',
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
    'Unknown template',
    'extends: names templates that are declared under templates:, in this file or an included one.',
    'stages:\n  weak: { extends: atack }',
    'templates:\n  attack: { uses: attack/fgsm }\nstages:\n  weak: { extends: attack }',
  ),
  'extends-cycle': page(
    'Templates extend each other in a circle',
    'A template cannot extend itself, directly or through other templates. The notes show the circle.',
    'templates:\n  a: { extends: b }\n  b: { extends: a }',
    'templates:\n  a: { extends: b }\n  b: { uses: attack/fgsm }',
  ),
} as const;
