/** One measured point. `y` is null or NaN if the number is missing, which interrupts the line. */
export interface CurvePoint {
  readonly x: number;
  readonly y: number | null;
  /** Ends of the 95 % interval of `y`, in its unit. */
  readonly low?: number | null;
  readonly high?: number | null;
}

export interface CurveSeries {
  readonly name: string;
  /** The points in the order in which the line connects them. */
  readonly points: readonly CurvePoint[];
  /** Its place among all lines of the pipeline, which decides its look; by its order in the figure if absent. */
  readonly place?: number;
  /** Height of a dotted line in the colour of the series, if the series have clean accuracies of their own. */
  readonly clean?: number;
}

/** The published numbers that are drawn beside a line of the same name. */
export interface PublishedSeries {
  readonly name: string;
  readonly points: readonly CurvePoint[];
  /** Numbers for all x: a height, or a range of heights. */
  readonly spans: readonly Omit<CurvePoint, 'x'>[];
}

export interface CurvePanel {
  readonly title: string;
  readonly series: readonly CurveSeries[];
  /** Height of the dotted line, which is the accuracy on clean images. */
  readonly clean?: number | null;
  readonly published?: readonly PublishedSeries[];
}

export interface Curves {
  readonly title: string;
  readonly xLabel: string;
  readonly yLabel: string;
  readonly panels: readonly CurvePanel[];
  /** Labels of the ticks instead of round numbers: `8/255`, or the labels of an axis without numbers. */
  readonly xTicks?: readonly { readonly at: number; readonly label: string }[];
  /** Shared by all panels. By default it has round ends around all points and intervals. */
  readonly yDomain?: readonly [number, number];
  /** How intervals are drawn; bars if absent. */
  readonly intervals?: 'bars' | 'bands' | 'none';
  /** Points at one place on x stand side by side, so that their bars do not hide each other. */
  readonly dodge?: boolean;
  /** Width of the figure in pixels, at 96 to the inch; by the number of panels if absent. */
  readonly width?: number;
  readonly panelsPerRow?: number;
  /** A line in small letters below the figure. */
  readonly footer?: string;
  /** Where the published numbers come from, for the legend; absent if none are drawn. */
  readonly publishedIn?: readonly string[];
}
