/** Scores: named numbers, and the axes on which they vary inside one cell. */
export interface MetricsRow {
  /** Axes inside the value itself (a training epoch, say); the axes of the cell are added by whoever collects. */
  readonly axes: Readonly<Record<string, string | number>>;
  /** null where the number is undefined: success rate with no initially correct image. */
  readonly values: Readonly<Record<string, number | null>>;
}

export interface Metrics {
  readonly kind: 'metrics';
  readonly rows: readonly MetricsRow[];
  /** Sentences that a reader of the numbers must see: failed sanity checks, unreached targets. */
  readonly warnings: readonly string[];
}
