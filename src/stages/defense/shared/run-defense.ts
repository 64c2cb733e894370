import type { SolverProgress } from '../../../defenses/defense.ts';
import { transformImages } from '../../../defenses/transform-images.ts';
import type { StageContext } from '../../../runtime/stage.ts';
import type { Images } from '../../../values/images.ts';
import type { Transform, TransformStep } from '../../../values/transform.ts';
import { openRecipe } from '../../shared/open-recipe.ts';

type DefenseContext = StageContext<unknown, { readonly images?: Images }>;

/**
 * Outputs of a defense: its recipe and, if images are connected, the transformed images with all their views.
 * Throws `StageError` for images that the defense cannot take.
 */
export async function runDefense(
  context: DefenseContext,
  step: TransformStep,
  isRandomised: boolean,
): Promise<{ readonly images?: Images; readonly transform: Transform }> {
  const { inputs, seed, signal, progress, stages } = context;
  const transform: Transform = { kind: 'transform', steps: [step], ...(isRandomised && { seed }) };
  const { images } = inputs;
  if (images === undefined) return { transform };
  const opened = await openRecipe(transform, images, stages);
  const rows = images.shape[0] * opened.views;
  let done = 0;
  const onRow = (): void => progress(++done, rows, 'views');
  const solved: SolvedImage[] = [];
  const onSolved = (id: number, { gap, converged }: SolverProgress): void => {
    solved.push({ id, gap, converged });
  };
  const draws = { seed: opened.evaluationSeed, signal, onRow, onSolved };
  const transformed = await transformImages(opened, images, draws);
  reportSolver(context, solved);
  return { images: transformed, transform };
}

interface SolvedImage extends SolverProgress {
  readonly id: number;
}

/**
 * Reports how near to its optimum an iterative defense came: the largest relative gap, and a warning if it
 * stopped at its iteration limit.
 */
function reportSolver({ metric, warn }: DefenseContext, solved: readonly SolvedImage[]): void {
  const gaps = solved.flatMap(({ gap }) => gap ?? []);
  if (gaps.length > 0) metric('largest gap', Math.max(...gaps));
  const stopped = solved.filter(({ converged }) => !converged);
  if (stopped.length === 0) return;
  const worst = stopped.reduce((a, b) => ((a.gap ?? 0) > (b.gap ?? 0) ? a : b));
  warn(
    `the solver stopped at its iteration limit for ${stopped.length} of ${solved.length} images; ` +
      `the largest gap is ${(worst.gap ?? 0).toExponential(1)} (image ${worst.id}). Set a larger tolerance to reach it sooner.`,
  );
}
