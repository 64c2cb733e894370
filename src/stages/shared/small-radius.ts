import type { ParameterProblem } from '../../runtime/stage.ts';

/** Radii of whole images in the literature, by norm. */
const usual: Readonly<Record<string, string>> = {
  l2: '0.5 is usual for CIFAR-10, 2 for MNIST and 3 for ImageNet',
  l1: '12 is usual for CIFAR-10 and 60 for ImageNet',
};

/** Lengths from here on are left alone, whatever they are a multiple of: 36/255 is a usual radius in L2. */
const leastPlausible = 0.1;

/**
 * Warns of lengths in L2 or L1 that are those of L∞: below 0.1, and a whole or half number of grey levels, such as 8/255, also
 * as 0.0314. In these norms a length is that of the whole image: 8/255 in L2 is a seventh of a grey level for each
 * value of 32 × 32 pixels in colour. Other small lengths, such as 0.05 or 0.03, are left alone, as a sweep may begin with them, and
 * so is a list with others.
 */
export function smallRadiusProblems(
  params: Readonly<Record<string, unknown>>,
  names: readonly string[],
): ParameterProblem[] {
  const norm = params['norm'];
  const inNorm = typeof norm === 'string' ? usual[norm] : undefined;
  if (inNorm === undefined) return [];
  return names.flatMap((name): ParameterProblem[] => {
    const value = params[name];
    const values = Array.isArray(value) ? (value as readonly unknown[]) : [value];
    const index = values.findIndex((item) => item !== 0);
    if (index < 0 || !values.every((item) => item === 0 || greyLevels(item) !== null)) return [];
    const levels = greyLevels(values[index])!;
    return [
      {
        code: 'small-radius',
        path: Array.isArray(value) ? [name, String(index)] : [name],
        message: `'${name}' is ${levels}/255, as in L∞, but with norm: ${norm as string} it is the length of the whole image's perturbation, so that hardly any pixel changes`,
        fix: `write a length of the whole image (${inNorm}), or set norm: linf`,
      },
    ];
  });
}

/** The number of grey levels that a length below 0.1 is; null for other lengths. */
function greyLevels(value: unknown): number | null {
  if (typeof value !== 'number' || !(value > 0 && value < leastPlausible)) return null;
  const levels = value * 255;
  const half = Math.round(levels * 2) / 2;
  if (Math.abs(levels - half) < 1e-9) return half;
  // A decimal of three digits for the levels that are usual: 0.0314, 0.0157, 0.00784.
  return [1, 2, 4, 8, 16].find((usualLevels) => Math.abs(levels - usualLevels) < 0.005 * usualLevels) ?? null;
}
