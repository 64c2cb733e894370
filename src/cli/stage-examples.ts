import type { StageSignature } from '../dsl/signature.ts';
import type { Json, JsonObject } from '../values/json.ts';
import { exactNumber } from '../values/readable-number.ts';

/**
 * A whole pipeline in YAML that uses a stage type: for `docs/stages.md` and `ravelin stages NAME`. A test validates
 * that of every built-in type. A type without a text of its own here, such as that of a plugin, is connected by the
 * kinds of its inputs and has the parameters of its `example`.
 */
export function examplePipeline(signature: StageSignature): string {
  const written = wholeExamples[signature.uses];
  const lines = written === undefined ? connectedExample(signature) : written.trim().split('\n');
  return ['ravelin: 1', 'stages:', ...lines.map((line) => `  ${line}`), ''].join('\n');
}

/** Stages that examples read from, each after those that it reads from itself. */
const suppliers: readonly Supplier[] = [
  { name: 'digits', line: 'digits: { uses: dataset/mnist, with: { limit: 100 } }', needs: [] },
  {
    name: 'training',
    line: 'training: { uses: dataset/mnist, with: { split: train, limit: 5000 } }',
    needs: [],
  },
  { name: 'network', line: 'network: { uses: model/cnn }', needs: [] },
  { name: 'crops', line: 'crops: { uses: defense/crop, with: { crops: 10, size: 20 } }', needs: [] },
  {
    name: 'patches',
    line: 'patches: { uses: defense/patch-database, in: { images: training }, with: { patches: 10000 } }',
    needs: ['training'],
  },
  {
    name: 'predictions',
    line: 'predictions: { uses: predict/classify, in: { model: network, images: digits } }',
    needs: ['network', 'digits'],
  },
  {
    name: 'scores',
    line: 'scores: { uses: evaluate/robustness, in: { predictions: predictions } }',
    needs: ['network', 'digits', 'predictions'],
  },
];

interface Supplier {
  readonly name: string;
  readonly line: string;
  readonly needs: readonly string[];
}

/** The supplier of an input by its kind, as a reference. */
const sources: Readonly<Record<string, string>> = {
  images: 'digits',
  model: 'network',
  transform: 'crops.transform',
  patches: 'patches',
  predictions: 'predictions',
  metrics: 'scores',
};

/** Parameters of examples, as they are written; others have those of the stage's own `example`. */
const parameters: Readonly<Record<string, string>> = {
  'attack/adaptive': '{ eot: 10 }',
  'attack/apgd': '{ epsilon: 8/255 }',
  'attack/apgd-minimal': '{ norm: l2 }',
  'attack/auto-attack': '{ epsilon: 8/255 }',
  'attack/cw-l2': '{ dissimilarity: 0.06 }',
  'attack/ddn': '{ steps: 100 }',
  'attack/deepfool': '{ dissimilarity: 0.06 }',
  'attack/fab': '{ norm: l2 }',
  'attack/fgsm': '{ epsilon: 8/255 }',
  'attack/fmn': '{ norm: linf }',
  'attack/hop-skip-jump': '{ norm: l2, queries: 5000 }',
  'attack/i-fgsm': '{ epsilon: 8/255, stepSize: 2/255, steps: 10 }',
  'attack/mi-fgsm': '{ epsilon: 8/255 }',
  'attack/noise': '{ epsilon: 8/255, distribution: uniform }',
  'attack/pgd': '{ epsilon: 8/255, steps: 40, restarts: 2 }',
  'attack/spsa': '{ epsilon: 8/255, queries: 10000 }',
  'attack/square': '{ epsilon: 8/255, queries: 1000 }',
  'attack/transfer': '{ epsilon: 8/255, nesterov: true, diversity: 0.5 }',
  'dataset/cifar10': '{ path: cifar-10-batches-bin, split: test, limit: 1000 }',
  'dataset/image-folder': '{ path: imagenet/val, resize: 256, crop: 224, limit: 1000 }',
  'dataset/mnist': '{ split: test, limit: 1000 }',
  'dataset/safetensors': '{ path: images.safetensors, limit: 1000 }',
  'debug/constant': '{ value: 1 }',
  'debug/sleep': '{ ms: 500 }',
  'defense/bit-depth': '{ bits: 3 }',
  'defense/crop': '{ crops: 10, size: 20 }',
  'defense/jpeg': '{ quality: 75 }',
  'defense/median': '{ size: 3 }',
  'defense/noise': '{ sigma: 0.25, draws: 10 }',
  'defense/nullification': '{ rate: 0.3, draws: 10 }',
  'defense/patch-database': '{ patches: 10000, size: 5 }',
  'defense/quilting': '{ neighbors: 10, draws: 4 }',
  'defense/tvm': '{ keep: 0.5, lambda: 0.03, draws: 4 }',
  'model/cnn': '{ filters: [16, 32], dense: [64] }',
  'model/network': '{ path: network.json }',
  'model/onnx': '{ path: mine.onnx }',
  'model/python':
    '{ module: my_models.py, make: vit, weights: vit.pth, height: 224, width: 224, python: .venv/bin/python }',
  'model/tfjs': '{ path: model.json }',
  'model/torch-export': '{ path: mine.pt2 }',
  'train/sgd':
    '{ epochs: 10, schedule: { kind: cosine, warmUp: 1 }, augment: { crop: 2 }, labelSmoothing: 0.1 }',
};

/** Endings of files of weights as their publishers write them; `.pth` for the others. */
const weightEndings: readonly (readonly [prefix: string, ending: string])[] = [
  ['cifar-', 'th'],
  ['inception-v4', 'safetensors'],
  ['inception-resnet', 'safetensors'],
  ['efficientnet-lite0', 'safetensors'],
];

function connectedExample(signature: StageSignature): string[] {
  const { uses } = signature;
  const inputs = Object.entries(signature.in)
    .filter(([port, { kind, optional, unless }]) =>
      kind === 'images' ? port === 'images' : !optional || unless !== undefined,
    )
    .map(([port, { kind }]) => [port, sourceOf(uses, kind)] as const)
    .filter((input): input is readonly [string, string] => input[1] !== undefined);
  const needed = new Set(inputs.map(([, source]) => source.split('.')[0]!));
  for (const { name, needs } of [...suppliers].reverse())
    if (needed.has(name)) for (const need of needs) needed.add(need);
  return [
    ...suppliers.filter(({ name }) => needed.has(name)).map(({ line }) => line),
    ...stageLines(uses, inputs, parametersOf(signature)),
  ];
}

function sourceOf(uses: string, kind: string): string | undefined {
  const learns = uses.startsWith('train/') || uses === 'defense/patch-database';
  return learns && kind === 'images' ? 'training' : sources[kind];
}

function parametersOf({ uses, with: schema, example }: StageSignature): string | undefined {
  const written = parameters[uses];
  if (written !== undefined) return written;
  const [folder, name = ''] = uses.split('/');
  if (folder === 'model' && Object.hasOwn(schema.properties, 'weights')) {
    const ending = weightEndings.find(([prefix]) => name.startsWith(prefix))?.[1] ?? 'pth';
    return `{ weights: ${name}.${ending} }`;
  }
  return example === undefined || Object.keys(example).length === 0 ? undefined : flow(example);
}

/** Longest line of an example in characters, with the two blanks before it. */
const longestLine = 100;

/** The stage named `example`, on one line if it fits. */
function stageLines(
  uses: string,
  inputs: readonly (readonly [port: string, source: string])[],
  parameterText: string | undefined,
): string[] {
  const fields = [`uses: ${uses}`];
  if (inputs.length > 0)
    fields.push(`in: { ${inputs.map(([port, source]) => `${port}: ${source}`).join(', ')} }`);
  if (parameterText !== undefined) fields.push(`with: ${parameterText}`);
  const line = `example: { ${fields.join(', ')} }`;
  return line.length + 2 <= longestLine ? [line] : ['example:', ...fields.map((field) => `  ${field}`)];
}

/** A value in the flow style of YAML. Numbers that are whole grey levels are written as fractions. */
function flow(value: Json): string {
  if (Array.isArray(value)) return `[${value.map(flow).join(', ')}]`;
  if (typeof value === 'object' && value !== null)
    return `{ ${Object.entries(value as JsonObject)
      .map(([key, member]) => `${key}: ${flow(member)}`)
      .join(', ')} }`;
  if (typeof value === 'number') return exactNumber(value);
  return typeof value === 'string' && !/^[\p{L}_.][\p{L}\p{N}_./-]*$/u.test(value)
    ? JSON.stringify(value)
    : String(value);
}

const attackedDigits = `
digits: { uses: dataset/mnist, with: { limit: 100 } }
network: { uses: model/cnn }
adversarial:
  uses: attack/fgsm
  in: { model: network, images: digits }
  with: { epsilon: $(axes.epsilon) }
  matrix: { epsilon: [0, 8/255, 16/255] }
`;

const scoredDigits = `${attackedDigits.trim()}
predictions: { uses: predict/classify, in: { model: network, images: adversarial } }
scores: { uses: evaluate/robustness, in: { predictions: predictions, originals: digits } }
`;

const severalAttacks = `
digits: { uses: dataset/mnist, with: { limit: 100 } }
network: { uses: model/cnn }
adversarial:
  in: { model: network, images: digits }
  matrix:
    attack:
      ddn: { uses: attack/ddn }
      fmn: { uses: attack/fmn, with: { norm: l2 } }
predictions: { uses: predict/classify, in: { model: network, images: adversarial } }
`;

/** Examples that need more than one supplier for each input, without the first two lines of a pipeline. */
const wholeExamples: Readonly<Record<string, string>> = {
  'evaluate/certified': `
training: { uses: dataset/mnist, with: { split: train, limit: 5000 } }
digits: { uses: dataset/mnist, with: { limit: 100 } }
network: { uses: model/cnn }
noise: { uses: defense/noise, with: { sigma: 0.25, draws: 100 } }
other-draws: { uses: defense/noise, seed: 1, with: { sigma: 0.25, draws: 20 } }
classifier: { uses: train/sgd, in: { model: network, images: training, transform: noise.transform } }
votes:
  uses: predict/classify
  in: { model: classifier, images: digits, transform: noise.transform }
  with: { average: votes }
selection:
  uses: predict/classify
  in: { model: classifier, images: digits, transform: other-draws.transform }
  with: { average: votes }
example:
  uses: evaluate/certified
  in: { predictions: votes, selection: selection }
  with: { sigma: 0.25, draws: 100, radii: [0, 0.25, 0.5] }
`,
  'evaluate/optimality': `${severalAttacks.trim()}
example:
  uses: evaluate/optimality
  in: { predictions: { from: predictions, collect: all }, originals: digits }
  with: { norm: l2, attack: attack }
`,
  'evaluate/robustness': `${attackedDigits.trim()}
predictions: { uses: predict/classify, in: { model: network, images: adversarial } }
example: { uses: evaluate/robustness, in: { predictions: predictions, originals: digits } }
`,
  'evaluate/robustness-curve': `
digits: { uses: dataset/mnist, with: { limit: 100 } }
network: { uses: model/cnn }
adversarial: { uses: attack/ddn, in: { model: network, images: digits } }
predictions: { uses: predict/classify, in: { model: network, images: adversarial } }
example:
  uses: evaluate/robustness-curve
  in: { predictions: predictions, originals: digits }
  with: { norm: l2, points: 25 }
`,
  'evaluate/worst-case': `${severalAttacks.trim()}
example:
  uses: evaluate/worst-case
  in: { predictions: { from: predictions, collect: attack }, originals: digits }
`,
  'predict/average': `
digits: { uses: dataset/mnist, with: { limit: 100 } }
network: { uses: model/cnn }
defended:
  in: { images: digits }
  matrix: { defense: { tvm: { uses: defense/tvm }, jpeg: { uses: defense/jpeg } } }
predictions: { uses: predict/classify, in: { model: network, images: defended } }
example:
  uses: predict/average
  in: { predictions: { from: predictions, collect: defense } }
  with: { weights: { tvm: 2, jpeg: 1 } }
`,
  'predict/classify': `
digits: { uses: dataset/mnist, with: { limit: 100 } }
network: { uses: model/cnn }
crops: { uses: defense/crop, with: { crops: 10, size: 20 } }
example:
  uses: predict/classify
  in: { model: network, images: digits, transform: crops.transform }
`,
  'report/curves': `${scoredDigits.trim()}
example:
  uses: report/curves
  in: { scores: { from: scores, collect: all } }
  with: { x: epsilon }
  publish: [results/accuracy.svg, results/accuracy.pdf]
`,
  'report/html': `${scoredDigits.trim()}
table: { uses: report/table, in: { scores: { from: scores, collect: all } } }
example:
  uses: report/html
  in: { figures: table, scores: { from: scores, collect: all } }
  with: { title: FGSM on MNIST, budget: epsilon }
  publish: results/report.html
`,
  'report/images': `${attackedDigits.trim()}
example:
  uses: report/images
  in: { originals: digits, adversarial: { from: adversarial, collect: all } }
  with: { count: 6 }
  publish: results/images.png
`,
  'report/table': `${scoredDigits.trim()}
example:
  uses: report/table
  in: { scores: { from: scores, collect: all } }
  with: { columns: epsilon, value: accuracy }
  publish: results/accuracy.md
`,
  'train/adversarial': `
training: { uses: dataset/mnist, with: { split: train, limit: 5000 } }
validation: { uses: dataset/mnist, with: { limit: 500 } }
network: { uses: model/cnn }
example:
  uses: train/adversarial
  in: { model: network, images: training, validation: validation }
  with: { method: pgd, epsilon: 0.1, steps: 7, epochs: 5, schedule: { kind: one-cycle }, keep: best }
`,
};
