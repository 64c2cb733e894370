import type { LastBackends, NumericIdentity } from '../runtime/plan/last-backends.ts';
import { backendNames, bestBackend, numericIdentity, probeBackend } from '../tensors/backend.ts';
import { UsageError } from './exit-codes.ts';

/** The backend to compute on, and the reason for it. */
export interface ChosenBackend {
  readonly numerics: NumericIdentity;
  readonly because: 'command line' | 'pipeline' | 'last run' | 'last run in this cache' | 'best';
}

/**
 * Chooses the backend: the one of the command line, else the one that the pipeline or a profile names. With
 * `auto` it is the one of the last run while that is ready, else the best that is ready. Throws `UsageError`
 * if the named one is unknown or not ready.
 */
export function chooseBackend(
  option: string | undefined,
  { backend }: { readonly backend: string },
  last: LastBackends,
): ChosenBackend {
  const name = option ?? backend;
  if (name !== 'auto') {
    const because = option === undefined ? 'pipeline' : 'command line';
    checkReady(name, because);
    return { numerics: numericIdentity(name), because };
  }
  const kept = last.used[0]?.backend;
  if (kept !== undefined && isKept(kept)) {
    const because = last.of === 'cache' ? 'last run in this cache' : 'last run';
    return { numerics: numericIdentity(kept), because };
  }
  return { numerics: numericIdentity(bestBackend()), because: 'best' };
}

/** A line about the backend for `plan` and `status`. */
export function describeBackend({ numerics, because }: ChosenBackend): string {
  const { backend, version } = numerics;
  const reasons: Readonly<Record<ChosenBackend['because'], string>> = {
    'command line': 'as the command line says',
    pipeline: 'as the pipeline says',
    'last run': 'that of the last run',
    'last run in this cache': 'that of the last run in this cache',
    best: 'the best that is ready here',
  };
  const best = because.startsWith('last run') ? bestBackend() : backend;
  const other = best === backend ? '' : `; ${best} is ready too (--backend ${best})`;
  return `backend ${backend} ${version}, ${reasons[because]}${other}`;
}

/** Why a backend cannot be used here, and what to do; null if it can. The name may come from another version. */
export function whyNotReady(name: string): { readonly why: string; readonly fix: string | undefined } | null {
  const known = backendNames();
  if (!known.includes(name)) {
    return { why: 'it is not part of this version of ravelin', fix: `use ${known.join(' or ')}` };
  }
  const probe = probeBackend(name);
  if (probe.ready) return null;
  const [why = '', fix] = (probe.why ?? '').split('; ');
  return { why, fix };
}

function checkReady(name: string, because: 'command line' | 'pipeline'): void {
  const problem = whyNotReady(name);
  if (problem === null) return;
  if (because === 'command line') {
    throw new UsageError(`the ${name} backend is not ready: ${problem.why}`, problem.fix);
  }
  const fix = problem.fix === undefined ? '' : `${problem.fix}, or `;
  throw new UsageError(
    `the ${name} backend, which the pipeline names, is not ready: ${problem.why}`,
    `${fix}give --backend auto`,
  );
}

/** Whether `auto` may keep a backend. A GPU that is emulated in software has to be named at each run. */
function isKept(name: string): boolean {
  if (!backendNames().includes(name)) return false;
  const { ready, device } = probeBackend(name);
  return ready && device?.kind !== 'software';
}
