import { memo } from 'react';
import { cellLines } from './cell-lines.ts';
import { Pane } from './pane.tsx';
import { isSameButTime, type PaneContext } from './pane-context.ts';

/** The selected cell. */
export const CellPane = memo(function CellPane({ snapshot, theme, place }: PaneContext) {
  const { view } = snapshot;
  const lines = cellLines(snapshot, theme, place.width, place.height - 1);
  return (
    <Pane
      number={3}
      title="cell"
      isFocused={view.pane === 'cell'}
      place={place}
      lines={lines}
      theme={theme}
    />
  );
}, isSameButTime);
