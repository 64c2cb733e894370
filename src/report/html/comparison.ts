import type { Claim, ReportFigure } from './run-report.ts';

/** Two runs beside each other, as plain data: `comparison-page.ts` writes it down. */
export interface Comparison {
  readonly title: string;
  readonly before: ComparedRun;
  readonly after: ComparedRun;
  /** Claims that either run has, in the order of the pipelines. */
  readonly claims: readonly ComparedClaim[];
  /** Recipes that differ, with the cells that have them. */
  readonly changed: readonly { readonly because: string; readonly cells: string; readonly count: number }[];
  /** Cells that only one of the runs has, in short; empty if there are none. */
  readonly removed: string;
  readonly added: string;
  /** Facts of the runs that differ. */
  readonly facts: readonly (readonly [name: string, before: string, after: string])[];
  /** Figures by cell; null if a run lacks it. */
  readonly figures: readonly {
    readonly cell: string;
    readonly before: ReportFigure | null;
    readonly after: ReportFigure | null;
    /** Both are the same, so one is shown. */
    readonly isSame: boolean;
  }[];
  /** Rows of scores that differ: their accuracy, or their numbers if they have none. */
  readonly scores: readonly ComparedScore[];
  /** Scores that differ; more than `scores` if those were too many. */
  readonly totalScores: number;
}

export interface ComparedRun {
  readonly run: string;
  /** Names that the user gave the run; none if absent. */
  readonly tags?: readonly string[];
  readonly pipeline: string;
  readonly status: string;
}

export interface ComparedClaim {
  readonly before: Claim | null;
  readonly after: Claim | null;
}

export interface ComparedScore {
  readonly row: string;
  readonly name: string;
  readonly before: ComparedNumber;
  readonly after: ComparedNumber;
  readonly difference: ComparedNumber;
}

export interface ComparedNumber {
  readonly value: number | null;
  readonly low?: number;
  readonly high?: number;
}
