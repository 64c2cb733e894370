import type { KnownInputs, ParameterProblem } from '../../../runtime/stage.ts';

type KnownValue = KnownInputs[string][number];

/** The noise that a certificate is computed for. */
interface Noise {
  readonly sigma: number;
  readonly draws: number;
}

/**
 * The problems of a certificate whose σ or number of draws is not that of the noise behind the predictions, so that its radii would
 * be wrong, and of a selection of the class by some of the same draws, which the certificate does not allow. Noise that a plugin
 * adds is not known.
 */
export function noiseProblems(params: Noise, inputs: KnownInputs): readonly ParameterProblem[] {
  const noise = noiseBehind(inputs['predictions']?.[0]);
  if (noise === undefined) return [];
  const wrong = (['sigma', 'draws'] as const).flatMap((name): readonly ParameterProblem[] => {
    const added = noise.params[name];
    if (typeof added !== 'number' || added === params[name]) return [];
    return [
      {
        path: [name],
        message: `${name} is ${params[name]} here, but the noise behind the predictions has ${name}: ${added}`,
        fix: `write ${name}: ${added}, or give both the same parameter of the pipeline`,
      },
    ];
  });
  return noiseBehind(inputs['selection']?.[0])?.seed === noise.seed ? [...wrong, sharedDraws(noise)] : wrong;
}

function sharedDraws({ seed }: KnownValue): ParameterProblem {
  return {
    path: [],
    input: 'selection',
    message: `the selection draws the same noise as the predictions, because both defense/noise have seed ${seed}; the certificate needs independent draws`,
    fix: `give the defense/noise behind the selection another seed, such as seed: ${seed + 1}`,
  };
}

/** The noise in predictions, which the prediction adds itself or which was added to its images. */
function noiseBehind(predictions: KnownValue | undefined): KnownValue | undefined {
  if (predictions?.uses !== 'predict/classify') return undefined;
  const { images, transform } = predictions.inputs();
  return [transform?.[0], images?.[0]].find((value) => value?.uses === 'defense/noise');
}
