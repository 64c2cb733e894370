import { page } from './page.ts';

/** Values: interpolation, parameters of stages, settings. */
export const valuePages = {
  'dollar-brace': page(
    "'${…}' is the shell's way of writing references",
    'A pipeline writes $(params.x), $(axes.x), $(env.X) and $(name). Look-ups only: nothing is computed and no shell is asked.',
    'limit: ${params.images}',
    'limit: $(params.images)',
  ),
  'unclosed-reference': page(
    "'$(' without ')'",
    "References end with ')'. For the characters themselves write $$(.",
    'limit: $(params.images',
    'limit: $(params.images)',
  ),
  'unknown-reference': page(
    'A reference names nothing',
    'There are $(params.NAME) for what stands under params:, $(axes.NAME) for the label of a cell, $(env.NAME) for a variable listed under env:, and $(name) for the name of the pipeline.',
    'params: { images: 100 }\n…\n  with: { limit: $(params.image) }',
    'params: { images: 100 }\n…\n  with: { limit: $(params.images) }',
  ),
  'reference-not-here': page(
    'Params refer to params',
    'Params are the leaves that everything else refers to; that they cannot refer to each other is why references never go round in circles.',
    'params: { images: 100, training: $(params.images) }',
    'params: { images: 100, training: 100 }',
  ),
  'axes-not-here': page(
    'A label is used where there is no cell',
    '$(axes.x) has a value in a cell only. It may stand in with: and publish:. Which type a stage uses, what it reads and its settings change by label through patches in the matrix.',
    'uses: attack/$(axes.attack)\nmatrix: { attack: [fgsm, i-fgsm] }',
    'matrix:\n  attack:\n    fgsm: { uses: attack/fgsm }\n    i-fgsm: { uses: attack/i-fgsm }',
  ),
  'not-a-scalar': page(
    'A list or map in the middle of a text',
    'A scalar that is only $(…) becomes the whole value, of whatever type. Inside a longer text only words and numbers have a form.',
    'params: { sizes: [1, 2] }\n…\n  title: sizes $(params.sizes)',
    'params: { sizes: [1, 2] }\n…\n  with: { sizes: $(params.sizes) }',
  ),
  'unlisted-env': page(
    'An environment variable is not listed',
    'A pipeline reads only the variables under env:, so that what it depends on is written down.',
    'with: { path: $(env.DATA) }',
    'env: [DATA]\n…\n  with: { path: $(env.DATA) }',
  ),
  'unset-env': page(
    'A listed environment variable is not set',
    'Set it, or give it a default.',
    'env: [DATA]',
    'env: { DATA: ../data }',
  ),
  'wrong-type': page(
    'A value is of another type than is taken',
    "Nothing is converted silently: '10' in quotes is a text and not a number. What does count as a number is 8/255, 1_000_000 and, where a size or a duration is taken, 6GiB or 30m.",
    "with: { steps: '10' }",
    'with: { steps: 10 }',
  ),
  'wrong-unit': page(
    'A size or duration without its unit, or with an unknown one',
    'Sizes are written 512MiB, 6GiB, 10GB; durations 250ms, 90s, 30m, 1h30m. A bare number could mean minutes or milliseconds.',
    'resources: { time: 30 }',
    'resources: { time: 30m }',
  ),
  'wrong-format': page(
    'A text does not have the form that is taken',
    'The message says which form.',
    'name: my pipeline!',
    'name: my-pipeline',
  ),
  'wrong-length': page(
    'A list or text is too short or too long, or has an item twice',
    'The message says how many items are taken.',
    'with: { mean: [0.5, 0.5] }   # of three channels',
    'with: { mean: [0.5, 0.5, 0.5] }',
  ),
  'out-of-range': page(
    'A number is outside its range',
    "'ravelin stages TYPE' shows the range of every parameter.",
    'with: { quality: 101 }',
    'with: { quality: 100 }',
  ),
  'not-one-of': page(
    'A value is not one of the words that are taken',
    'The message lists the words.',
    'with: { space: pixle }',
    'with: { space: pixel }',
  ),
  'unknown-param': page(
    'A stage type has no such parameter',
    "'ravelin stages TYPE' lists the parameters of a type.",
    'uses: defense/jpeg\nwith: { qualty: 75 }',
    'uses: defense/jpeg\nwith: { quality: 75 }',
  ),
  'missing-param': page(
    'A parameter without a default is not given',
    'Most parameters have a default; this one says something that only you know.',
    'uses: dataset/image-folder',
    'uses: dataset/image-folder\nwith: { path: ../data/images }',
  ),
  'param-conflict': page(
    'Parameters do not go together',
    'Each value is fine by itself, but not with the others: the strength of an attack is its own knob or a target dissimilarity, never both.',
    'with: { epsilon: 8/255, dissimilarity: 0.06 }',
    'with: { dissimilarity: 0.06 }',
  ),
} as const;
