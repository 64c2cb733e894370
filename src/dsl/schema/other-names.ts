import { nearest } from '../../values/nearest.ts';

/** Names in Foolbox, torchattacks, ART, CleverHans, RobustBench and PyTorch, by our parameter; folded as `fold` does. */
const parameters: Readonly<Record<string, readonly string[]>> = {
  epsilon: ['eps', 'epsilons', 'maxeps', 'radius', 'budget'],
  stepSize: ['alpha', 'epsstep', 'epsiter', 'absstepsize', 'relstepsize'],
  steps: [
    'iters',
    'iterations',
    'nbiter',
    'numsteps',
    'nsteps',
    'nbsteps',
    'maxiter',
    'maxiterations',
    'niter',
  ],
  randomStart: ['randinit', 'randominit', 'randstart'],
  restarts: ['numrandominit', 'nrestarts', 'numrestarts', 'nbrestarts'],
  queries: ['nqueries', 'maxqueries', 'querybudget', 'maxevals', 'querylimit'],
  targeted: ['target', 'targetclass', 'targetlabel', 'ytarget'],
  norm: ['ord', 'p', 'lp'],
  eot: ['eotiter', 'eotsamples', 'eotsteps'],
  kappa: ['confidence'],
  lambda: ['c', 'initialconst', 'lamb'],
  searchSteps: ['binarysearchsteps', 'bisections'],
  decay: ['mu', 'decayfactor'],
  learningRate: ['lr'],
  epochs: ['nepochs', 'numepochs', 'nbepochs'],
  batchSize: ['bs'],
  limit: ['n', 'nexamples', 'nsamples', 'numsamples', 'maxsamples', 'maximages'],
  path: ['root', 'dir', 'folder', 'datadir', 'file'],
  weights: ['checkpoint', 'ckpt', 'statedict', 'pretrained'],
  classes: ['numclasses', 'nclasses', 'nbclasses'],
  bits: ['bitdepth'],
  quality: ['q', 'jpegquality'],
  keep: ['prob'],
};

/** The stage types that do what a class or function of another library does; folded as `fold` does. */
const types: Readonly<Record<string, readonly string[]>> = {
  'attack/i-fgsm': ['bim', 'basiciterativemethod', 'ifgm', 'iterativefgsm'],
  'attack/pgd': ['pgdl2', 'pgdlinf', 'madry', 'projectedgradientdescent'],
  'attack/fgsm': ['fgm', 'fastgradientmethod', 'fastgradient'],
  'attack/mi-fgsm': ['mim', 'mifgm', 'momentumiterativemethod'],
  'attack/transfer': ['difgsm', 'nifgsm', 'tifgsm', 'vmifgsm', 'sinifgsm', 'vnifgsm'],
  'attack/cw-l2': ['cw', 'carlini', 'carliniwagner', 'carlinil2', 'carlinil2method', 'cwl2'],
  'attack/apgd': ['apgdce', 'apgdt', 'apgddlr', 'autopgd'],
  'attack/auto-attack': ['aa', 'autoattack'],
  'attack/hop-skip-jump': ['hsja', 'boundary', 'boundaryattack', 'hopskipjumpattack', 'decisionbased'],
  'attack/spsa': ['nes'],
  'attack/fab': ['fabt'],
  'attack/noise': ['gn', 'gaussian', 'gaussiannoise', 'uniform', 'uniformnoise'],
  'defense/bit-depth': ['featuresqueezing', 'quantization', 'quantisation', 'bits'],
  'defense/jpeg': ['jpegcompression'],
  'defense/median': ['spatialsmoothing', 'medianfilter'],
  'defense/tvm': ['totalvarmin', 'totalvariation', 'tv'],
  'defense/non-local-means': ['nlm', 'nonlocal'],
  'model/torch-export': ['torch', 'pytorch', 'pt2', 'torchscript', 'exported'],
  'model/python': ['timm', 'robustbench', 'huggingface'],
  'model/cifar-resnet20': ['resnet20'],
  'model/cifar-resnet32': ['resnet32'],
  'model/cifar-resnet56': ['resnet56'],
  'dataset/image-folder': ['folder', 'imagenet'],
  'train/adversarial': ['trades', 'at', 'adversarialtraining', 'pgdat', 'madry'],
  'train/sgd': ['fit', 'standard', 'adam'],
  'evaluate/robustness': ['accuracy', 'success', 'successrate', 'robustaccuracy', 'metrics'],
  'report/curves': ['figure', 'plot', 'curve', 'graph'],
};

/** The parameter that another library calls `name`, if it is among `known`; else the one that is probably misspelt. */
export function parameterFor(name: string, known: readonly string[]): string | undefined {
  const folded = fold(name);
  return known.find((parameter) => parameters[parameter]?.includes(folded)) ?? nearest(name, known);
}

/**
 * The stage type that was probably meant. In a folder that exists only the name may be misspelt, because `attack/` alone makes any
 * two attacks similar.
 */
export function typeFor(uses: string, known: readonly string[]): string | undefined {
  const [folder = '', name = ''] = uses.split('/');
  const siblings = known.filter((type) => type.startsWith(`${folder}/`)).map((type) => type.split('/')[1]!);
  if (name === '' || siblings.length === 0) return nearest(uses, known);
  const folded = fold(name);
  const named = known.find((type) => type.startsWith(`${folder}/`) && types[type]?.includes(folded));
  if (named !== undefined) return named;
  const sibling = nearest(name, siblings);
  return sibling === undefined ? undefined : `${folder}/${sibling}`;
}

function fold(name: string): string {
  return name.toLowerCase().replaceAll(/[-_ ]/g, '');
}
