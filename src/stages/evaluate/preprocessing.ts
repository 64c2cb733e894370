import { Type } from '@sinclair/typebox';
import { defineStage, port, rowsPort } from '../../runtime/stage.ts';
import { modelProblems, untrainedProblems } from '../shared/known-model.ts';
import { networkBytes, networkPasses, outlineOf } from '../shared/network-work.ts';

/** Settings that are tried with colour images that are square; others have fewer. */
const mostSettings = 13;

/** Finds a wrong order of channels, a wrong normalisation and the like by what another one would give. */
export const preprocessingStage = defineStage({
  uses: 'evaluate/preprocessing',
  version: 1,
  summary:
    'Accuracy of a model on images without an attack, as given and with other orders of channels and normalisations: warns if another one is better',
  with: Type.Object(
    {
      images: Type.Integer({
        minimum: 1,
        default: 500,
        unit: 'images',
        description: 'most images, evenly spread over those that there are',
      }),
    },
    { additionalProperties: false },
  ),
  in: {
    model: port('model', { description: 'the classifier' }),
    images: rowsPort({ description: 'labelled images, before any attack or defense' }),
  },
  out: {
    metrics: port('metrics', {
      axes: ['setting'],
      values: ['n', 'accuracy', 'accuracyLow', 'accuracyHigh', 'gained', 'lost'],
      description:
        'one row for each setting: n (fewer images if the setting is clearly worse), accuracy with its 95 % interval, gained (images that are right with this setting and wrong as given) and lost (the reverse)',
    }),
  },
  device: true,
  checkInputs: (_params, inputs) => [...untrainedProblems(inputs), ...modelProblems(inputs)],
  outline: ({ inputs, params }) => {
    const model = outlineOf('model', inputs['model']);
    if (model === undefined) return null;
    return {
      perImage: {},
      perUnit: networkPasses('forward', [model], mostSettings * params.images),
      out: { metrics: { kind: 'metrics' } },
      memoryBytes: networkBytes('forward', [model]),
    };
  },
  run: async (context) => {
    const { runPreprocessing } = await import('./shared/run-preprocessing.ts');
    return { metrics: await runPreprocessing(context) };
  },
});
