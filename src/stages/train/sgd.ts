import { Type } from '@sinclair/typebox';
import { defineStage, port } from '../../runtime/stage.ts';
import { modelProblems, trainedFacts } from '../shared/known-model.ts';
import { programProblems, withNetworks } from './shared/trained-networks.ts';
import { trainingOutline } from './shared/training-outline.ts';
import { trainingParameters, trainingPorts, trainingProblems } from './shared/parameters.ts';

/**
 * Guo et al. train with rate 0.1, momentum 0.9, weight decay 1e-4, × 0.1 every 30 of 90 epochs, batches of
 * 256.
 */
export const sgdStage = defineStage({
  uses: 'train/sgd',
  version: 1,
  summary: 'Stochastic gradient descent on the cross-entropy, with momentum, weight decay and a schedule',
  with: Type.Object(trainingParameters, { additionalProperties: false }),
  in: {
    ...trainingPorts,
    transform: port('transform', {
      optional: true,
      description: 'a defense to train on: one draw of each augmented image, afresh in each epoch',
    }),
  },
  out: {
    model: port('model', {
      description: 'the trained model',
      facts: trainedFacts,
    }),
    history: port('metrics', {
      axes: ['epoch'],
      values: ['loss', 'accuracy', 'learningRate'],
      valuesWith: { validation: ['validationAccuracy', 'kept'] },
      description: 'one row per epoch: loss, accuracy, learningRate, and validationAccuracy if measured',
    }),
  },
  randomness: true,
  device: true,
  check: trainingProblems,
  checkInputs: (_params, inputs) => [...programProblems(inputs), ...modelProblems(inputs)],
  outline: (context) => trainingOutline(context, null),
  run: async (context) => {
    const { runSgd } = await import('./shared/run-sgd.ts');
    return runSgd(withNetworks(context));
  },
});
