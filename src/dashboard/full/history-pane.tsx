import { Pane } from './pane.tsx';
import type { PaneContext } from './pane-context.ts';
import { historyLines } from './side-lines.ts';

/** The images of each period of the run. */
export function HistoryPane({ snapshot, theme, place }: PaneContext) {
  const { state, view, now } = snapshot;
  const lines = historyLines({ state, theme, now }, place.width, place.height - 1);
  return (
    <Pane
      number={5}
      title="history"
      isFocused={view.pane === 'history'}
      place={place}
      lines={lines}
      theme={theme}
    />
  );
}
