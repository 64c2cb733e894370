import { Pane } from './pane.tsx';
import type { PaneContext } from './pane-context.ts';
import { historyLines } from './side-lines.ts';

/** The images of each period of the run. */
export function HistoryPane({ snapshot, theme, size }: PaneContext) {
  const { state, view, now } = snapshot;
  const lines = historyLines({ state, theme, now }, size.width, size.height - 1);
  return (
    <Pane
      number={5}
      title="history"
      isFocused={view.pane === 'history'}
      {...size}
      lines={lines}
      theme={theme}
    />
  );
}
