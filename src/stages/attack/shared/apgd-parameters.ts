import { Type } from '@sinclair/typebox';

/** The losses that APGD climbs. */
export const apgdLosses = [
  Type.Literal('cross-entropy'),
  Type.Literal('margin'),
  Type.Literal('dlr'),
  Type.Literal('targeted-dlr'),
];

/** The number of targets of APGD with the targeted loss. */
export const apgdTargets = Type.Integer({
  unit: 'classes',
  minimum: 1,
  maximum: 1000,
  default: 9,
  description: 'with targeted-dlr: wrong classes to move towards, from the most likely one at the original',
});

/** Runs of APGD for each image: one for each target of each restart. */
export function runsOf(
  { loss, restarts, targets }: { readonly loss: string; readonly restarts: number; readonly targets: number },
  classes: number,
): number {
  return restarts * (loss === 'targeted-dlr' ? Math.min(targets, Math.max(1, classes - 1)) : 1);
}
