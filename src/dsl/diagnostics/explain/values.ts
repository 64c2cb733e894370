import { page } from './page.ts';

/** Values: interpolation, parameters of stages, settings. */
export const valuePages = {
  'dollar-brace': page(
    "'${…}' is shell syntax",
    'References in a pipeline are written $(params.x), $(axes.x), $(env.X) and $(name). They only look values up: nothing is computed and no shell runs.',
    'limit: ${params.images}',
    'limit: $(params.images)',
  ),
  'unclosed-reference': page(
    "'$(' is not closed by ')'",
    "References end with ')'. To write the characters '$(' themselves, write '$$('.",
    'limit: $(params.images',
    'limit: $(params.images)',
  ),
  'unknown-reference': page(
    'Unknown reference',
    'The references are $(params.NAME) for a param under params:, $(axes.NAME) for a label of the cell, $(env.NAME) for a variable listed under env:, and $(name) for the name of the pipeline.',
    'params: { images: 100 }\n…\n  with: { limit: $(params.image) }',
    'params: { images: 100 }\n…\n  with: { limit: $(params.images) }',
  ),
  'reference-not-here': page(
    'A param refers to another param',
    'Everything else can refer to params, but params cannot refer to each other, so references can never form a circle.',
    'params: { images: 100, training: $(params.images) }',
    'params: { images: 100, training: 100 }',
  ),
  'axes-not-here': page(
    '$(axes.x) is used outside a cell',
    '$(axes.x) is the label of a cell, so it can be used only in what a cell has of its own: with:, publish: and seed:. To change the type, the inputs or the settings of a stage by label, write patches in the matrix.',
    'uses: attack/$(axes.attack)\nmatrix: { attack: [fgsm, i-fgsm] }',
    'matrix:\n  attack:\n    fgsm: { uses: attack/fgsm }\n    i-fgsm: { uses: attack/i-fgsm }',
  ),
  'not-a-scalar': page(
    'A list or map is put into a text',
    'A scalar that is only $(…) becomes the whole value, of any type. Inside a longer text, only words and numbers can be inserted.',
    'params: { sizes: [1, 2] }\n…\n  title: sizes $(params.sizes)',
    'params: { sizes: [1, 2] }\n…\n  with: { sizes: $(params.sizes) }',
  ),
  'unlisted-env': page(
    'An environment variable is not listed',
    'A pipeline can read only the variables under env:, so that its dependencies are written down.',
    'with: { path: $(env.DATA) }',
    'env: [DATA]\n…\n  with: { path: $(env.DATA) }',
  ),
  'unset-env': page(
    'A listed environment variable is not set',
    'Set it for the command (DATA=../data ravelin run FILE), or give it a default in the pipeline.',
    'env: [DATA]',
    'env: { DATA: ../data }',
  ),
  'wrong-type': page(
    'A value has the wrong type',
    "Nothing is converted silently: '10' in quotes is a text, not a number. Numbers can also be written 8/255 and 1_000_000, and sizes and durations 6GiB and 30m.",
    "with: { steps: '10' }",
    'with: { steps: 10 }',
  ),
  'wrong-unit': page(
    'A size or duration has no unit, or an unknown one',
    'Sizes are written 512MiB, 6GiB or 10GB, and durations 250ms, 90s, 30m or 1h30m. A number without a unit could mean minutes or milliseconds.',
    'resources: { time: 30 }',
    'resources: { time: 30m }',
  ),
  'wrong-format': page(
    'A text has the wrong form',
    'The message says which form is needed.',
    'name: my pipeline!',
    'name: my-pipeline',
  ),
  'wrong-length': page(
    'A list or text is too short or too long, or has an item twice',
    'The message says how many items are allowed.',
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
    'A value is not one of the allowed words',
    'The message lists the allowed words.',
    'with: { space: pixle }',
    'with: { space: pixel }',
  ),
  'unknown-param': page(
    'Unknown parameter of a stage type',
    "'ravelin stages TYPE' lists the parameters of a type.",
    'uses: defense/jpeg\nwith: { qualty: 75 }',
    'uses: defense/jpeg\nwith: { quality: 75 }',
  ),
  'missing-param': page(
    'A required parameter is missing',
    'Most parameters have a default. This one depends on your data or your experiment, so it must be set.',
    'uses: dataset/image-folder',
    'uses: dataset/image-folder\nwith: { path: ../data/images }',
  ),
  'missing-file': page(
    'A file that a stage reads does not exist',
    "This is a warning of 'ravelin validate': the pipeline itself is right, and the file may still come before the run. A run without it fails in the stages that read it.",
    'uses: model/resnet50\nwith: { weights: ../weights/resnet5.safetensors }   # no such file',
    'uses: model/resnet50\nwith: { weights: ../weights/resnet50.safetensors }',
  ),
  'code-not-allowed': page(
    'A stage names code that may not run here',
    "This is a warning of 'ravelin validate'. Modules of Python run only if package.json allows them, so that somebody has looked at them, and in a project that you have trusted on this machine ('ravelin trust'). A run fails in the stages that need the module.",
    'uses: model/python\nwith: { module: my_models.py, height: 32, width: 32 }   # not in package.json',
    '"ravelin": { "python": ["./my_models.py"] }   # in package.json',
  ),
  'bad-file': page(
    'A file that a stage reads is wrong',
    "'ravelin validate' looks into small files such as the published values of a report. The message says what is wrong at which line and column: the file cannot be read, or a name in it does not fit the inputs of the stage.",
    'with: { published: table-1.csv }   # begins with atack,accuracy',
    'with: { published: table-1.csv }   # begins with attack,accuracy',
  ),
  'other-shape': page(
    'The images have another size than the model takes',
    "The size follows from the parameters, or from the heads of the files that 'ravelin validate' reads. This is a warning of 'ravelin validate', because files may change before the run, which otherwise fails in the stage that is shown.",
    'photos: { uses: dataset/cifar10, with: { path: ../data } }\nnetwork: { uses: model/cnn }   # 28×28×1\npredictions: { uses: predict/classify, in: { model: network, images: photos } }',
    'network: { uses: model/cnn, with: { height: 32, width: 32, channels: 3 } }',
  ),
  'other-classes': page(
    'The images have another number of classes than the model',
    "A label is the number of an output of the model, so an image of class 3 counts as right if the model says class 3, whatever the classes are called. This is a warning of 'ravelin validate', because the images may have some of the classes of the model.",
    'digits: { uses: dataset/mnist }\nnetwork: { uses: model/cnn, with: { classes: 5 } }',
    'network: { uses: model/cnn, with: { classes: 10 } }',
  ),
  'untrained-model': page(
    'A model without weights is used',
    "Without a file of weights, the weights of a network are drawn at random, for a training. Predictions of such a model are chance, and so is every accuracy. This is a warning of 'ravelin validate'.",
    'network: { uses: model/cifar-resnet20 }\npredictions: { uses: predict/classify, in: { model: network, images: photos } }',
    'network: { uses: model/cifar-resnet20, with: { weights: ../weights/cifar10-resnet20.safetensors } }',
  ),
  'other-classifier': page(
    'A score compares two classifiers',
    "Without 'clean', a score compares the predictions on the attacked images with the classes that the attacked model gave the originals. If the attacked images are then classified behind a defense, or by another model, part of the success rate is how these two differ, and not due to the attack. Guo et al. 2018 compare the predictions of one classifier, before and after the attack. This is a warning.",
    'scores: { uses: evaluate/robustness, in: { predictions: defended-predictions } }\ntable: { uses: report/table, in: { scores: { from: scores, collect: all } }, with: { value: successRate } }',
    'scores: { uses: evaluate/robustness, in: { predictions: defended-predictions, clean: defended-clean-predictions } }',
  ),
  'param-conflict': page(
    'Parameters exclude each other',
    'Each value is valid by itself, but not together with the others. For example, an attack has either a strength of its own, such as epsilon, or a target dissimilarity, but not both.',
    'with: { epsilon: 8/255, dissimilarity: 0.06 }',
    'with: { dissimilarity: 0.06 }',
  ),
} as const;
