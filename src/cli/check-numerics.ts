import { hostname } from 'node:os';
import type { NumericIdentity } from '../runtime/plan/last-backends.ts';
import { StageError } from '../runtime/stage.ts';
import { identityHere } from '../tensors/backend.ts';

const found = new Map<string, NumericIdentity>();

/**
 * Makes sure that this process computes the numbers that the plan assumed: a node of a cluster may have another GPU, TensorFlow or
 * processor than the machine of the plan, and its results would be committed under the keys of others. Throws `StageError`.
 */
export function checkNumerics(planned: NumericIdentity): void {
  const { backend } = planned;
  let here = found.get(backend);
  if (here === undefined) {
    try {
      here = identityHere(backend);
    } catch (error) {
      const [why, fix] = (error instanceof Error ? error.message : String(error)).split('; ');
      throw new StageError(`the ${backend} backend is not ready on ${hostname()}: ${why}`, {
        fix: `${fix === undefined ? '' : `${fix}, or `}put RAVELIN_HOME on a file system that all machines share`,
        cause: error,
      });
    }
    found.set(backend, here);
  }
  if (here.version === planned.version) return;
  throw new StageError(
    `${hostname()} computes with ${backend} ${here.version}, and the run was planned for ${backend} ${planned.version}: its results would be stored as those of another machine`,
    { fix: `${remedy(planned, here)}; 'numerics: shared' in the pipeline counts both as equal` },
  );
}

/** Says how to make both machines compute alike, by the first part of their versions that differs and decides most. */
export function remedy(planned: NumericIdentity, here: NumericIdentity): string {
  if (planned.backend === 'webgpu')
    return 'choose nodes with the GPU and driver that the plan assumes, or plan on such a node';
  const [before, now] = [partsOf(planned.version), partsOf(here.version)];
  if (before.rest !== now.rest)
    return 'use one ravelin and one set-up of TensorFlow on all machines: put RAVELIN_HOME on a file system that they share';
  if (before.oneDnn !== now.oneDnn)
    return `set TF_ENABLE_ONEDNN_OPTS=${before.oneDnn ? 1 : 0} on all machines`;
  if (before.kernels !== now.kernels)
    return `set RAVELIN_TENSORFLOW_KERNELS=${before.kernels ? 1 : 0} on all machines`;
  if (before.varying !== now.varying)
    return 'set NVIDIA_TF32_OVERRIDE and TF_DETERMINISTIC_OPS alike on all machines';
  const plan = `plan for this kind of GPU: RAVELIN_CUDA_CAPABILITY=${now.capability ?? '…'}`;
  return before.capability === null
    ? plan
    : `choose nodes with one kind of GPU (constraint:, or resources: { gpu: KIND:1 }), or ${plan}`;
}

/** The parts of a version such as `2.21.0-gpu-cudnn9.28.0.42-sm90-tf32-varying-onednn-kernels+3`. */
function partsOf(version: string): {
  readonly capability: string | null;
  readonly oneDnn: boolean;
  readonly kernels: boolean;
  readonly varying: string;
  readonly rest: string;
} {
  const [, major, minor] = /-sm(\d+)(\d)/.exec(version) ?? [];
  return {
    capability: major === undefined ? null : `${major}.${minor!}`,
    oneDnn: version.includes('-onednn'),
    kernels: version.includes('-kernels'),
    varying: (version.match(/-(tf32|varying)/g) ?? []).join(''),
    rest: version.replace(/-(sm\d+|onednn|kernels|tf32|varying)/g, ''),
  };
}
