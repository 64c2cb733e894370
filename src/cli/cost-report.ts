import type { MissingData } from '../runtime/cost/declared-images.ts';
import type { RunCost } from '../runtime/cost/estimate.ts';
import type { AssumedCard, Rates } from '../runtime/cost/rates.ts';

/** The findings of `plan --cost`, for people and as JSON. */
export interface CostReport {
  readonly pipeline: string;
  readonly backend: string;
  readonly cost: RunCost;
  readonly workers: readonly {
    readonly workers: number;
    readonly wallSeconds: number;
    /** Included in the work of all. */
    readonly startSeconds: number;
  }[];
  /** Units of earlier runs, and the hosts that computed them. */
  readonly measured: { readonly units: number; readonly hosts: readonly string[] };
  readonly defaults: Rates['source'] | null;
  readonly card: AssumedCard | null;
  readonly missing: readonly MissingData[];
}
