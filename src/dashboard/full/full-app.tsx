import { Box, useInput } from 'ink';
import { useEffect, useState, useSyncExternalStore } from 'react';
import { keysOf } from '../inline/app.tsx';
import { renderLine, type Line, type Theme } from '../inline/theme.ts';
import { CellPane } from './cell-pane.tsx';
import { footLine, helpLines } from './foot-lines.ts';
import type { FullScreen } from './full-screen.ts';
import type { PaneName } from './full-view.ts';
import { GridPane } from './grid-pane.tsx';
import { headLines } from './head-lines.ts';
import { HistoryPane } from './history-pane.tsx';
import { gap, layout } from './layout.ts';
import { TerminalLine } from './line.tsx';
import { Pane } from './pane.tsx';
import type { PaneContext } from './pane-context.ts';
import { StagesPane } from './stages-pane.tsx';
import { WorkersPane } from './workers-pane.tsx';

const panes: Readonly<Record<PaneName, (context: PaneContext) => React.JSX.Element>> = {
  stages: StagesPane,
  grid: GridPane,
  cell: CellPane,
  workers: WorkersPane,
  history: HistoryPane,
};

export interface FullAppProps {
  readonly screen: FullScreen;
  readonly theme: Theme;
  readonly interactive: boolean;
}

/** The whole screen. It is one row lower than the terminal, because Ink erases what has scrolled away otherwise. */
export function FullApp({ screen, theme, interactive }: FullAppProps) {
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
  const height = Math.max(1, size.rows - 1);
  const head = headLines({ ...snapshot, theme }, size.columns).slice(0, Math.max(1, Math.min(5, height - 3)));
  const hasFoot = height - head.length >= 2;
  const room = height - head.length - (hasFoot ? 1 : 0);
  const foot = footLine({ view, theme, abilities, hasFailed: state.failures.length > 0 }, size.columns);
  return (
    <Box flexDirection="column" width={size.columns} height={height} overflow="hidden">
      <Lines lines={head} width={size.columns} theme={theme} />
      <Box flexGrow={1} height={room} overflow="hidden">
        {view.help ? (
          <Pane
            number={0}
            title="keys"
            isFocused
            width={size.columns}
            height={room}
            lines={helpLines(view.pane, abilities).slice(view.scroll)}
            theme={theme}
          />
        ) : (
          <Panes snapshot={snapshot} theme={theme} size={{ width: size.columns, height: room }} />
        )}
      </Box>
      {hasFoot && <Lines lines={takesKeys ? [foot] : [[]]} width={size.columns} theme={theme} />}
    </Box>
  );
}

function Panes({ snapshot, theme, size }: PaneContext) {
  const { state, view } = snapshot;
  const needs = { stages: state.stages.length, workers: Math.max(state.workers, state.workerStates.size) };
  const { columns } = layout(view, size, needs);
  return (
    <>
      {columns.map((column, index) => (
        <Box key={index} flexDirection="column" marginRight={index < columns.length - 1 ? gap : 0}>
          {column.map(({ name, width, height }) => {
            const Content = panes[name];
            return <Content key={name} snapshot={snapshot} theme={theme} size={{ width, height }} />;
          })}
        </Box>
      ))}
    </>
  );
}

function Lines({
  lines,
  width,
  theme,
}: {
  readonly lines: readonly Line[];
  readonly width: number;
  readonly theme: Theme;
}) {
  return (
    <Box flexDirection="column" flexShrink={0}>
      {lines.map((line, row) => (
        <TerminalLine key={row} text={renderLine(line, width, theme)} />
      ))}
    </Box>
  );
}
