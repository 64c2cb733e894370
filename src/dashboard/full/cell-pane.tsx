import { memo } from 'react';
import { cellContent } from './cell-lines.ts';
import { Pane } from './pane.tsx';
import { isSameButTime, type PaneContext } from './pane-context.ts';

/** The selected cell. */
export const CellPane = memo(function CellPane({ snapshot, theme, place }: PaneContext) {
  const { view } = snapshot;
  const { lines, pictures } = cellContent(snapshot, theme, place.width, place.height - 1);
  return (
    <Pane
      number={3}
      title="cell"
      isFocused={view.pane === 'cell'}
      place={place}
      lines={lines}
      pictures={pictures}
      theme={theme}
    />
  );
}, isSameButTime);
