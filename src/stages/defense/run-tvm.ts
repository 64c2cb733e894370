import type { StageContext } from '../../runtime/stage.ts';
import type { TvmProgress } from '../../defenses/tvm/tvm.ts';
import { probeBackends } from '../../tensors/backend.ts';
import type { Images } from '../../values/images.ts';
import type { Transform, TransformStep } from '../../values/transform.ts';
import { defend } from './defend.ts';

type TvmContext = StageContext<unknown, { readonly images?: Images }>;

/**
 * Runs the defense and tells how near to the least objective it came: the largest relative gap as a live number, and a warning that
 * names the images which the iteration limit stopped before the tolerance.
 */
export async function runTvm(
  context: TvmContext,
  step: TransformStep,
): Promise<{ readonly images?: Images; readonly transform: Transform }> {
  const solved: { readonly id: number; readonly progress: TvmProgress }[] = [];
  const onSolved = (id: number, progress: TvmProgress): void => void solved.push({ id, progress });
  const form = formOn(context.backend);
  const formed = form === undefined ? step : { ...step, params: { ...step.params, form } };
  const outputs = await defend(context, formed, { onSolved });
  const gaps = solved.flatMap(({ progress }) => progress.gap ?? []);
  if (gaps.length > 0) context.metric('largest gap', Math.max(...gaps));
  const stopped = solved.filter(({ progress }) => !progress.converged);
  if (stopped.length > 0) {
    const worst = stopped.reduce((a, b) => ((a.progress.gap ?? 0) > (b.progress.gap ?? 0) ? a : b));
    context.warn(
      `total variation stopped at the iteration limit for ${stopped.length} of ${solved.length} images; ` +
        `the largest gap is ${(worst.progress.gap ?? 0).toExponential(1)} (image ${worst.id}); a larger tolerance is reached sooner`,
    );
  }
  return outputs;
}

/** On a GPU the backend computes; elsewhere the WebAssembly kernel is faster than its operations. */
function formOn(backend: string): 'webgpu' | 'tensorflow' | undefined {
  if (backend === 'webgpu') return 'webgpu';
  if (backend !== 'tensorflow') return undefined;
  const probe = probeBackends().find(({ name }) => name === backend);
  return probe?.device?.kind === 'gpu' ? 'tensorflow' : undefined;
}
