import { cellLines } from './cell-lines.ts';
import { Pane } from './pane.tsx';
import type { PaneContext } from './pane-context.ts';

/** The selected cell. */
export function CellPane({ snapshot, theme, size }: PaneContext) {
  const { view } = snapshot;
  const lines = cellLines(snapshot, size.width, size.height - 1);
  return (
    <Pane number={3} title="cell" isFocused={view.pane === 'cell'} {...size} lines={lines} theme={theme} />
  );
}
