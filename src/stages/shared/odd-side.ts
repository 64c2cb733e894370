import type { ParameterProblem } from '../../runtime/stage.ts';

/** Requires that the side of a window is odd, so that the window has a middle. */
export function oddSide(name: string, side: number): readonly ParameterProblem[] {
  if (side % 2 === 1) return [];
  return [{ path: [name], message: `'${name}' must be odd, got ${side}`, fix: `set ${name}: ${side + 1}` }];
}
