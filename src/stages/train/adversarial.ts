import { Type } from '@sinclair/typebox';
import { defineStage, port } from '../../runtime/stage.ts';
import { adversaryOf, adversaryParameters, adversaryProblems } from './shared/adversary-parameters.ts';
import { linfProblems } from '../shared/linf-problems.ts';
import { smallRadiusProblems } from '../shared/small-radius.ts';
import { modelProblems, trainedFacts } from '../shared/known-model.ts';
import { programProblems, withNetworks } from './shared/trained-networks.ts';
import { trainingOutline } from './shared/training-outline.ts';
import { trainingParameters, trainingPorts, trainingProblems } from './shared/parameters.ts';

// A port apart, so that TypeScript distinguishes `list: true` from `list: boolean`.
const sources = port('model', {
  list: true,
  optional: true,
  description: 'pre-trained models that stay as they are, whose adversarial images an ensemble mixes in',
});

/** Adversarial training: Madry et al. 2018, Goodfellow et al. 2015, TRADES and ensembles of Tramèr et al. 2018. */
export const adversarialStage = defineStage({
  uses: 'train/adversarial',
  version: 1,
  versionWith: ({ norm }) => (norm === 'l2' ? 2 : undefined),
  summary: 'Adversarial training: PGD, FGSM, TRADES, or an ensemble of sources',
  with: Type.Object({ ...adversaryParameters, ...trainingParameters }, { additionalProperties: false }),
  in: {
    ...trainingPorts,
    sources,
    transform: port('transform', {
      optional: true,
      description:
        'a defense to train on: the adversary goes through it, and the model sees one draw of each adversarial image, afresh in each epoch',
    }),
  },
  out: {
    model: port('model', {
      description: 'the trained model',
      facts: trainedFacts,
    }),
    history: port('metrics', {
      axes: ['epoch'],
      values: ['loss', 'accuracy', 'adversarialAccuracy', 'learningRate'],
      valuesWith: { validation: ['validationAccuracy', 'validationAdversarialAccuracy', 'kept'] },
      description:
        'one row per epoch: loss, accuracy on the images that stayed as they are, adversarialAccuracy, learningRate, and both accuracies on the validation images if measured',
    }),
  },
  randomness: true,
  device: true,
  check: (params) => [
    ...trainingProblems(params),
    ...adversaryProblems(params),
    ...(params.norm === 'linf'
      ? linfProblems(params, ['epsilon', 'stepSize'])
      : smallRadiusProblems(params, ['epsilon'])),
  ],
  checkInputs: (_params, inputs) => [...programProblems(inputs), ...modelProblems(inputs)],
  outline: (context) => trainingOutline(context, adversaryOf(context.params)),
  run: async (context) => {
    const { runAdversarial } = await import('./shared/run-adversarial.ts');
    return runAdversarial(withNetworks(context));
  },
});
