import type { StageContext } from '../../runtime/stage.ts';
import { iterativeFgsm } from '../../attacks/i-fgsm.ts';
import type { Images } from '../../values/images.ts';
import type { Model } from '../../values/model.ts';
import { type AttackParameters, runAttack } from './run-attack.ts';

interface IterativeParameters extends AttackParameters {
  readonly stepSize?: number;
  readonly epsilon?: number;
  readonly steps: number;
}

export function runIterativeFgsm(
  context: StageContext<IterativeParameters, { readonly model: Model; readonly images: Images }>,
): Promise<Images> {
  const { stepSize, epsilon, steps } = context.params;
  // The smallest step that can reach the edge of the ball.
  const knob = stepSize ?? (epsilon === undefined ? undefined : epsilon / steps);
  const ball = epsilon === undefined ? {} : { epsilon };
  return runAttack(context, knob, 'stepSize', (classifier, images, strength, hooks) =>
    iterativeFgsm(classifier, images, strength, { steps, ...ball }, hooks),
  );
}
