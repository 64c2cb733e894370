import { useInput } from 'ink';
import { useEffect, useLayoutEffect, useState, useSyncExternalStore } from 'react';
import { keysOf } from '../parts/keys.ts';
import { drawLine, type Line, type Theme } from '../parts/theme.ts';
import type { Canvas } from './canvas.ts';
import { CellPane } from './cell-pane.tsx';
import { footLine, helpLines } from './foot-lines.ts';
import type { FullScreen } from './full-screen.ts';
import type { PaneName } from './full-view.ts';
import { GridPane } from './grid-pane.tsx';
import { headLines } from './head-lines.ts';
import { HistoryPane } from './history-pane.tsx';
import { layout } from './layout.ts';
import { Pane } from './pane.tsx';
import type { PaneContext } from './pane-context.ts';
import { Placed } from './placed.tsx';
import { StagesPane } from './stages-pane.tsx';
import { WorkersPane } from './workers-pane.tsx';

const panes: Readonly<Record<PaneName, React.ComponentType<PaneContext>>> = {
  stages: StagesPane,
  grid: GridPane,
  cell: CellPane,
  workers: WorkersPane,
  history: HistoryPane,
};

export interface FullAppProps {
  readonly screen: FullScreen;
  readonly canvas: Canvas;
  readonly theme: Theme;
  readonly interactive: boolean;
}

/**
 * The whole screen. Its components put lines on a canvas: Ink has the keys, and a frame of its own that stays empty. The last row
 * stays empty, because some terminals scroll when it is full.
 */
export function FullApp({ screen, canvas, theme, interactive }: FullAppProps) {
  const snapshot = useSyncExternalStore(screen.subscribe, screen.snapshot);
  useInput(
    (text, key) => {
      for (const pressed of keysOf(text, key)) screen.press(pressed);
    },
    { isActive: interactive },
  );
  // Ink listens to keys only after the first frame, so the keys are shown from the frame on at which they work.
  const [takesKeys, setTakesKeys] = useState(!interactive);
  useEffect(() => setTakesKeys(true), []);
  const { state, view, size, abilities } = snapshot;
  const width = size.columns;
  const height = Math.max(1, size.rows - 1);
  const head = headLines({ ...snapshot, theme }, width).slice(0, Math.max(1, Math.min(5, height - 3)));
  const hasFoot = height - head.length >= 2;
  const room = height - head.length - (hasFoot ? 1 : 0);
  const foot = footLine({ view, theme, abilities, hasFailed: state.failures.length > 0 }, width);
  const lines = (shown: readonly Line[]) => shown.map((line) => drawLine(line, width, theme));
  const body = { canvas, left: 0, top: head.length, width, height: room };
  // This comes after the effects of the components in it, which place their lines.
  useLayoutEffect(() => canvas.flush(size));
  return (
    <>
      <Placed {...body} name="head" top={0} height={head.length} lines={lines(head)} />
      {view.help ? (
        <Pane
          number={0}
          title="keys"
          isFocused
          place={body}
          lines={helpLines(view.pane, abilities).slice(view.scroll)}
          theme={theme}
        />
      ) : (
        <Panes snapshot={snapshot} theme={theme} place={body} />
      )}
      {hasFoot && (
        <Placed {...body} name="foot" top={height - 1} height={1} lines={lines(takesKeys ? [foot] : [])} />
      )}
    </>
  );
}

function Panes({ snapshot, theme, place }: PaneContext) {
  const { state, view } = snapshot;
  const workers = Math.max(state.workers, state.workerStates.size) + snapshot.devices.length;
  const needs = { stages: state.stages.length, workers };
  return layout(view, place, needs).map(({ name, left, top, width, height }) => {
    const Content = panes[name];
    const own = { canvas: place.canvas, left, top: place.top + top, width, height };
    return <Content key={name} snapshot={snapshot} theme={theme} place={own} />;
  });
}
