import { Pane } from './pane.tsx';
import type { PaneContext } from './pane-context.ts';
import { workerLines } from './side-lines.ts';

/** A line for each worker. */
export function WorkersPane({ snapshot, theme, place }: PaneContext) {
  const { state, view, now } = snapshot;
  const selected = view.pane === 'workers' ? view.cell : null;
  const lines = workerLines({ state, theme, now, devices: snapshot.devices }, place.width, selected);
  return (
    <Pane
      number={4}
      title="workers"
      isFocused={view.pane === 'workers'}
      place={place}
      lines={lines}
      theme={theme}
    />
  );
}
