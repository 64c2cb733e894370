import type { StageContext } from '../../runtime/stage.ts';
import { fgsm } from '../../attacks/fgsm.ts';
import type { Images } from '../../values/images.ts';
import type { Model } from '../../values/model.ts';
import { type AttackParameters, runAttack } from './run-attack.ts';

export function runFgsm(
  context: StageContext<
    AttackParameters & { readonly epsilon?: number },
    { readonly model: Model; readonly images: Images }
  >,
): Promise<Images> {
  return runAttack(context, context.params.epsilon, 'epsilon', fgsm);
}
