import type { Measured } from '../format.ts';
import type { Label } from '../rows.ts';
import type { Gallery } from './gallery.ts';

/** All that the report of a run shows, as plain data: `page.ts` writes it down. */
export interface RunReport {
  /** Name of the pipeline. */
  readonly pipeline: string;
  readonly run: string;
  readonly status: string;
  /** Paragraphs below the heading, separated by empty lines; empty if there are none. */
  readonly text: string;
  /** When, where, how and with what it ran, for people. */
  readonly facts: readonly (readonly [name: string, value: string])[];
  /** The command that repeats the run. */
  readonly command: string;
  readonly failures: readonly Problem[];
  readonly warnings: readonly Warning[];
  readonly claims: readonly Claim[];
  readonly figures: readonly ReportFigure[];
  readonly scores: ScoreTable;
  readonly costs: readonly StageCost[];
  readonly timeline: readonly WorkInterval[];
  /** The files of the pipeline as they are now. */
  readonly sources: readonly Source[];
}

export interface Problem {
  readonly cell: string;
  readonly message: string;
  readonly fix?: string;
}

export interface Warning {
  readonly message: string;
  /** Cells that it is about; empty if it is about the run. */
  readonly cells: readonly string[];
}

/** One model behind one defense at one budget of the adversary: its clean accuracy beside its lowest ones. */
export interface Claim {
  readonly data: string;
  readonly model: string;
  /** `none` without one. */
  readonly defense: string;
  /** `dissimilarity 0.06`, `ε 0.0314`; the cells of one budget are compared. */
  readonly budget: string;
  readonly clean: Claimed | null;
  /** The lowest accuracy of the attacks on this model without its defense. */
  readonly direct: Claimed | null;
  /** The lowest accuracy of the attacks that go through the defense. */
  readonly adaptive: Claimed | null;
  /** The lowest accuracy of the attacks made on another model. */
  readonly transferred: Claimed | null;
}

/** An accuracy in [0, 1] with its 95 % interval, and the cell that it is of. */
export interface Claimed extends Measured {
  readonly cell: string;
  /** Null for clean images. */
  readonly attack: string | null;
  readonly images: number | null;
}

export interface ReportFigure {
  readonly cell: string;
  /** Empty if the stage gave none. */
  readonly title: string;
  /** An image of one of these types, or the Markdown of a table. */
  readonly image: { readonly type: 'image/svg+xml' | 'image/png'; readonly bytes: Uint8Array } | null;
  /** The images behind a grid, which are shown in place of `image`. */
  readonly gallery: Gallery | null;
  /** Comma-separated rows of a table, the first of which are the heads. */
  readonly table: readonly (readonly string[])[] | null;
  /** The places of bold fields in the table, as `row,column`. */
  readonly bold: readonly string[];
  /** The numbers of the figure, to be downloaded. */
  readonly csv: string | null;
  /** Notes below a table: warnings, and the sources of published numbers. */
  readonly notes: readonly string[];
}

export interface ScoreTable {
  readonly columns: readonly string[];
  readonly rows: readonly (readonly (Label | null)[])[];
  /** Rows that there are; more than `rows` if those were too many. */
  readonly total: number;
}

export interface StageCost {
  readonly stage: string;
  /** The types of its cells. */
  readonly uses: readonly string[];
  readonly cells: number;
  readonly units: number;
  readonly reused: number;
  /** Seconds of the units that were computed, by the clock and of processors. */
  readonly seconds: number;
  readonly cpuSeconds: number;
}

/** A unit that a worker computed, in seconds since the run began. */
export interface WorkInterval {
  readonly worker: number;
  readonly stage: string;
  readonly cell: string;
  readonly start: number;
  readonly end: number;
}

export interface Source {
  /** Relative to the project. */
  readonly path: string;
  readonly text: string;
  /** The file was written after the run began. */
  readonly changed: boolean;
}
