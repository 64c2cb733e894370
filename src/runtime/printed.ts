import type { AxisLabel } from '../dsl/graph.ts';

/** Facts of the run that a report prints beside what its inputs say. They are part of the key of its result. */
export interface Printed {
  /** Backend that computed what the stage reads; null if nothing was computed on one, or results of several count as equal. */
  readonly backend: string | null;
  /**
   * All labels that the pipeline has on these axes, in the order of the document, also those that the inputs of the
   * stage lack.
   */
  readonly axes: Readonly<Record<string, readonly AxisLabel[]>>;
}

export const nothingPrinted: Printed = { backend: null, axes: {} };
