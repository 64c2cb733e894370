/** Scores: named numbers, and the axes on which they vary inside one cell. */
export interface MetricsRow {
  /**
   * Axes inside the value itself, such as the training epoch. The stage that collects the rows adds the axes
   * of the cell.
   */
  readonly axes: Readonly<Record<string, string | number>>;
  /** A number is null if it is undefined, like a success rate without any initially correct image. */
  readonly values: Readonly<Record<string, number | null>>;
}

export interface Metrics {
  readonly kind: 'metrics';
  readonly rows: readonly MetricsRow[];
  /** Sentences that a reader of the numbers must see: failed sanity checks, unreached targets. */
  readonly warnings: readonly string[];
}
