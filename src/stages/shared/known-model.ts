import type { Facts, KnownInputs, ParameterProblem } from '../../runtime/stage.ts';
import { counted } from '../../values/counted.ts';

/** Facts of a trained model: those of the one that the training began with. */
export function trainedFacts(_params: unknown, inputs: KnownInputs): Facts {
  const { size, classes } = inputs['model']?.[0]?.facts() ?? {};
  return { ...(size && { size }), ...(classes !== undefined && { classes }) };
}

/** Facts of images that were made of those of an input, one of each. */
export function sameImages(_params: unknown, inputs: KnownInputs): Facts {
  return inputs['images']?.[0]?.facts() ?? {};
}

/** The problems of images and models that do not belong together, as far as they are known before a run. */
export function modelProblems(inputs: KnownInputs): readonly ParameterProblem[] {
  const images = inputs['images']?.[0]?.facts();
  const models = [...(inputs['model'] ?? []), ...(inputs['models'] ?? [])].map((model) => model.facts());
  for (const model of models) {
    const { size } = model;
    if (images?.size !== undefined && size !== undefined && size.join() !== images.size.join())
      return [
        {
          code: 'other-shape',
          path: [],
          input: 'images',
          message: `the images are ${images.size.join('×')} (height×width×channels), but the model takes ${size.join('×')}`,
          fix: 'give the model the size and channels of the images, or prepare the images for it',
        },
      ];
    if (images?.classes !== undefined && model.classes !== undefined && model.classes !== images.classes)
      return [
        {
          code: 'other-classes',
          path: [],
          input: 'images',
          message: `the images have ${counted(images.classes, 'class')}, and the model has ${model.classes}`,
          fix: 'use a model and a dataset with the same classes',
        },
      ];
  }
  return [];
}

/** The problem of a model that is used as it was drawn at random, shown at its stage. */
export function untrainedProblems(inputs: KnownInputs): readonly ParameterProblem[] {
  const models = [...(inputs['model'] ?? []), ...(inputs['models'] ?? [])];
  return models
    .filter((model) => model.facts().isUntrained)
    .map((maker) => ({
      code: 'untrained-model',
      path: [],
      maker,
      message: 'this model has no weights and no training, so its predictions are those of random weights',
      fix: "give its weights (weights: FILE), or train it with train/sgd and use the training's model",
    }));
}
