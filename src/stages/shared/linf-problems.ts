import type { ParameterProblem } from '../../runtime/stage.ts';

/** The problems of lengths in L∞ above 1: pixels are in [0, 1], so they were probably meant in grey levels. */
export function linfProblems(
  params: Readonly<Record<string, unknown>>,
  names: readonly string[],
): ParameterProblem[] {
  return names.flatMap((name) => {
    const value = params[name];
    if (Array.isArray(value)) {
      const wrong = value.findIndex((item) => typeof item === 'number' && item > 1);
      return wrong < 0 ? [] : [problem(name, value[wrong] as number, [name, String(wrong)])];
    }
    return typeof value === 'number' && value > 1 ? [problem(name, value, [name])] : [];
  });
}

function problem(name: string, value: number, path: readonly string[]): ParameterProblem {
  return {
    path,
    message: `in L∞ '${name}' takes a number from 0 to 1, not ${value}, because pixels are in [0, 1]`,
    fix: value <= 255 ? `write ${value}/255` : 'write a number up to 1, such as 8/255',
  };
}
