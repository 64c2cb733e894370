/** The attacks of test/reference/attacks.py, as the stages set them up for `like:`. */
import type { Attack } from '../../src/attacks/attack.ts';
import { carliniWagner } from '../../src/attacks/cw-l2.ts';
import { deepFool } from '../../src/attacks/deepfool.ts';
import { fgsm } from '../../src/attacks/fgsm.ts';
import { iterativeFgsm } from '../../src/attacks/i-fgsm.ts';
import { momentumFgsm } from '../../src/attacks/mi-fgsm.ts';
import { carliniWagnerOptions } from '../../src/stages/attack/cw-l2.ts';
import { deepFoolOptions } from '../../src/stages/attack/deepfool.ts';
import { goalOptions } from '../../src/stages/attack/shared/goal.ts';
import { parametersOf, stageOf } from '../stages/run-stage.ts';

interface AtStrength {
  readonly attack: Attack;
  readonly strength: number;
}

const seed = [1, 2] as const;

function attacksLike(
  like: 'foolbox' | 'torchattacks',
): Readonly<Record<'fgsm' | 'bim' | 'mi-fgsm' | 'deepfool' | 'cw-l2', AtStrength>> {
  const given = (uses: string, params: Readonly<Record<string, unknown>>): never =>
    parametersOf(stageOf(uses), { ...params, like });
  const goal = goalOptions(given('attack/fgsm', { epsilon: 8 / 255 }), seed);
  return {
    fgsm: { attack: fgsm({ ...goal, randomStart: 0 }), strength: 8 / 255 },
    bim: {
      attack: iterativeFgsm({ ...goal, randomStart: 0, steps: 10, epsilon: 8 / 255 }),
      strength: 2 / 255,
    },
    'mi-fgsm': { attack: momentumFgsm({ ...goal, steps: 10, decay: 1 }), strength: 8 / 255 },
    deepfool: {
      attack: deepFool(deepFoolOptions(given('attack/deepfool', { steps: 50 }), [0, 0])),
      strength: 1.02,
    },
    'cw-l2': { attack: carliniWagner(carliniWagnerOptions(given('attack/cw-l2', {}), seed)), strength: 1 },
  };
}

export const libraryAttacks = {
  foolbox: attacksLike('foolbox'),
  torchattacks: attacksLike('torchattacks'),
} as const;
