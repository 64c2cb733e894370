export const paneNames = ['stages', 'grid', 'cell', 'workers', 'history'] as const;
export type PaneName = (typeof paneNames)[number];
export type CellTab = 'why' | 'log' | 'timings' | 'recipe' | 'images';

/** The part of the run that the user looks at on the whole screen: plain data, which only `pressFull` changes. */
export interface FullView {
  readonly pane: PaneName;
  /** The pane in focus fills the screen. */
  readonly zoomed: boolean;
  /** Index into `state.stages`. */
  readonly stage: number;
  /** Index into `state.cells`; null until one is selected. */
  readonly cell: number | null;
  /** Axes of the stage that make rows and columns; null for the last two. */
  readonly axes: readonly [row: string, column: string] | null;
  /** Which combination of labels of the other axes is shown. */
  readonly slice: number;
  /** The number that the grid shows; null for the accuracy. */
  readonly number: string | null;
  readonly tab: CellTab;
  readonly query: string;
  /** Whether the query is being typed, so that keys are text. */
  readonly typing: boolean;
  /** Lines scrolled up from the end of a log, or down from the start of other text. */
  readonly scroll: number;
  /** The command that is typed after `:`; null if none is. */
  readonly command: string | null;
  /** The cell that is cancelled if the next key is `y`; null without a question. */
  readonly confirm: string | null;
  readonly help: boolean;
  readonly interrupts: number;
  readonly note: string;
}

export const firstFullView: FullView = {
  pane: 'stages',
  zoomed: false,
  stage: 0,
  cell: null,
  axes: null,
  slice: 0,
  number: null,
  tab: 'why',
  query: '',
  typing: false,
  scroll: 0,
  command: null,
  confirm: null,
  help: false,
  interrupts: 0,
  note: '',
};

export type FullEffect =
  | { readonly type: 'drain' | 'stop' | 'quit' | 'inline' | 'suspend' | 'redraw' | 'images' }
  | { readonly type: 'copy'; readonly text: string; readonly what: string }
  | { readonly type: 'pause'; readonly paused: boolean }
  | { readonly type: 'cancel'; readonly cell: string }
  | { readonly type: 'retry'; readonly cells: readonly string[]; readonly what: string }
  | { readonly type: 'pager' | 'open'; readonly path: string }
  | { readonly type: 'time'; readonly move: TimeMove };

/** Movements through a recorded run. */
export type TimeMove =
  'back' | 'forward' | 'event-back' | 'event-forward' | 'start' | 'end' | 'play' | 'faster' | 'slower';

export interface FullPressed {
  readonly view: FullView;
  readonly effect?: FullEffect;
}

/** Says which keys do more than look around: some need a run that goes on, others one that is recorded. */
export interface Abilities {
  readonly isRecorded: boolean;
  /** Whether this process conducts the run, so that it can pause it, cancel cells and try failed ones again. */
  readonly canControl: boolean;
}
