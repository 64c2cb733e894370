import type { SourceRange } from '../diagnostics/diagnostic.ts';
import type { Cell } from '../graph.ts';
import type { LabelTable } from './labels.ts';
import type { Variant } from './variants.ts';

/** The state that grows while the stages are expanded one after the other. */
export interface Expansion {
  readonly cells: Cell[];
  readonly stages: Map<string, ExpandedStage>;
  /** Ids of all stages as written, for suggestions. */
  readonly known: readonly string[];
  /** Whether there may be more stages, in a part of the document that was refused. */
  readonly mayHaveMore: boolean;
  readonly labels: LabelTable;
}

/** A stage with its cells, column by column. */
export interface ExpandedStage {
  readonly id: string;
  readonly keyAt: SourceRange;
  readonly axes: readonly string[];
  /** By axis: the label of each cell, as its id in the table of labels. */
  readonly columns: ReadonlyMap<string, readonly number[]>;
  /** The labels of an axis in the order in which they are written, as ids. No cell may have some of them. */
  readonly labelsInOrder: (axis: string) => readonly number[];
  readonly firstCell: number;
  readonly count: number;
  readonly variants: readonly Variant[];
  /** By cell. */
  readonly variantOf: readonly number[];
}
