import { addWork, valuesOf, type Outline, type OutlineContext, type Work } from '../../../values/outline.ts';
import { modelsOf, networkBytes, networkPasses, outlineOf } from '../../shared/network-work.ts';

interface TrainingParameters {
  readonly epochs: number;
  readonly batchSize: number;
}

/** The adversary of a training, as far as its cost goes. */
interface Adversary {
  readonly method: 'pgd' | 'fgsm' | 'trades' | 'ensemble';
  readonly steps: number;
  readonly cleanShare: number;
}

/** The outline of a training by stochastic gradient descent, against an adversary if there is one. */
export function trainingOutline(
  { params, inputs, images: count, counts }: OutlineContext<TrainingParameters>,
  adversary: Adversary | null,
): Outline | null {
  const model = outlineOf('model', inputs['model']);
  const images = outlineOf('images', inputs['images']);
  if (model === undefined || images === undefined) return null;
  const transform = outlineOf('transform', inputs['transform']);
  const behind = { images, transform, draws: 1 };
  const step = networkPasses('training', [model], 1, behind);
  const perEpoch =
    adversary === null
      ? step
      : addWork(
          [adversary.method === 'trades' ? 2 : 1, step],
          // Each adversarial image is made on one network: the one that is trained, or a source.
          [
            (1 - adversary.cleanShare) * adversary.steps,
            networkPasses('gradient', [meanOf([model, ...modelsOf(inputs['sources'])])], 1, behind),
          ],
        );
  const validated: Work = networkPasses('forward', [model], 1);
  const validations = inputs['validation'] === undefined ? 0 : (counts['validation'] ?? 0);
  return {
    perImage: addWork([params.epochs, perEpoch]),
    perUnit: addWork(
      [params.epochs * validations, validated],
      [
        params.epochs * Math.ceil(count / params.batchSize),
        { 'update parameters': model.parameters, 'training step': 1 },
      ],
    ),
    out: { model, history: { kind: 'metrics' } },
    // Gradients and momentum are as large as the weights.
    memoryBytes:
      networkBytes('training', [model], params.batchSize) +
      4 * (2 * model.parameters + params.batchSize * valuesOf(images)),
  };
}

function meanOf(models: readonly Parameters<typeof networkPasses>[1][number][]): (typeof models)[number] {
  const mean = (name: 'multiplyAdds' | 'activations'): number =>
    models.reduce((sum, model) => sum + model[name], 0) / models.length;
  return { ...models[0]!, multiplyAdds: mean('multiplyAdds'), activations: mean('activations') };
}
