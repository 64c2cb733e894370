import { Pane } from './pane.tsx';
import type { PaneContext } from './pane-context.ts';
import { workerLines } from './side-lines.ts';

/** A line for each worker. */
export function WorkersPane({ snapshot, theme, size }: PaneContext) {
  const { state, view, now } = snapshot;
  const selected = view.pane === 'workers' ? view.cell : null;
  const lines = workerLines({ state, theme, now }, size.width, selected);
  return (
    <Pane
      number={4}
      title="workers"
      isFocused={view.pane === 'workers'}
      {...size}
      lines={lines}
      theme={theme}
    />
  );
}
