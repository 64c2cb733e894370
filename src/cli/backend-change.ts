import { plural } from '../dashboard/format.ts';
import type { BackendChange } from '../runtime/events.ts';
import { comparePlans, type PlanDifference } from '../runtime/plan/compare-plans.ts';
import { isSame, type NumericIdentity } from '../runtime/plan/last-backends.ts';
import type { Plan } from '../runtime/plan/plan.ts';
import { numericIdentity } from '../tensors/backend.ts';
import { whyNotReady } from './backend.ts';
import type { OpenPipeline } from './pipeline.ts';

type Chosen = Pick<OpenPipeline, 'graph' | 'last' | 'numerics'>;

/**
 * Finds out whether a plan passes over results that another backend, or another version of the same one, has
 * computed: the one of the last run, or one before it if the plan has work to do. `planFor` makes the same
 * plan for another backend; it is not called if nothing but the backend of the last run is known.
 */
export async function findBackendChange(
  { graph, last, numerics: to }: Chosen,
  planned: Plan,
  planFor: (numerics: NumericIdentity) => Promise<Plan>,
): Promise<BackendChange | null> {
  const previous = last.used[0];
  const others = last.used.filter((other) => !isSame(other, to));
  if (previous === undefined || others.length === 0 || !computesOnBackend(planned)) return null;
  const moved = last.of === 'pipeline' && previous.backend !== to.backend;
  if (graph.sharedNumerics) {
    if (!moved || !computesOnBackend(planned, true)) return null;
    return { from: previous, to, shards: 0, message: sentence(previous, to, noDifference, true) };
  }
  if (isSame(previous, to) && planned.totals.run === 0) return null;
  let from = others[0]!;
  let cost = comparePlans(await planFor(from), planned);
  for (const other of others.slice(1)) {
    const more = comparePlans(await planFor(other), planned);
    if (more.lost > cost.lost) [from, cost] = [other, more];
  }
  if (cost.lost === 0 && !moved) return null;
  const isChange = last.of === 'pipeline' && from === previous;
  return { from, to, shards: cost.lost, message: sentence(from, to, cost, isChange) };
}

const noDifference: PlanDifference = { lost: 0, replaced: 0 };

/** Whether a plan has cells that compute on the backend, or still have to. */
function computesOnBackend({ cells }: Plan, missing = false): boolean {
  return cells.some(
    (cell) => cell?.stage.device === true && (!missing || cell.units.some(({ state }) => state !== 'reuse')),
  );
}

/** The sentence says what changes, what it costs, and how to keep the results of `from`. */
function sentence(
  from: NumericIdentity,
  to: NumericIdentity,
  { lost, replaced }: PlanDifference,
  isChange: boolean,
): string {
  const sameName = from.backend === to.backend;
  const what = sameName ? `version of ${to.backend}` : 'backend';
  const [old, next] = sameName ? [from.version, to.version] : [from.backend, to.backend];
  const change = `The ${what} changes from ${old} to ${next}`;
  if (lost === 0) {
    const instead = replaced === 0 ? '' : ` and replaces ${plural(replaced, 'result')}`;
    return `${change}, which costs no shard${instead}; ${remedy(from, 'returns to it')}.`;
  }
  const one = lost === 1;
  const again = `${one ? 'is' : 'are'} computed again`;
  const keeping = remedy(from, one ? 'reuses it' : 'reuses them');
  const results = one ? 'a result' : 'results';
  return isChange
    ? `${change}, so ${plural(lost, 'shard')} with ${results} from ${old} ${again}; ${keeping}.`
    : `${plural(lost, 'shard')} ${one ? 'has' : 'have'} ${results} from ${sameName ? `${what} ` : ''}${old} and ${again} on ${next}; ${keeping}.`;
}

/** The way to use the results of a backend again; a version that is gone cannot be chosen. */
function remedy({ backend, version }: NumericIdentity, verb: string): string {
  const problem = whyNotReady(backend);
  if (problem !== null) {
    const fix = problem.fix === undefined ? '' : `; ${problem.fix}`;
    return `${backend} is not ready here (${problem.why}${fix})`;
  }
  if (numericIdentity(backend).version !== version) return `only ${backend} ${version} ${verb}`;
  return `--backend ${backend}, or 'backend: ${backend}' in the pipeline, ${verb}`;
}
