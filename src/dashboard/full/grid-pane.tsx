import { memo } from 'react';
import { gridLines } from './grid-lines.ts';
import { Pane } from './pane.tsx';
import { isSameButTime, type PaneContext } from './pane-context.ts';

/** The cells of a stage by two axes. */
export const GridPane = memo(function GridPane({ snapshot, theme, place }: PaneContext) {
  const { state, view } = snapshot;
  const stage = state.stages[view.stage];
  const number = view.number ?? (stage?.score === null || stage === undefined ? '' : stage.score.name);
  const title = stage === undefined ? 'cells' : `${stage.id}${number === '' ? '' : `: ${number}`}`;
  const lines = gridLines({ state, view, theme, width: place.width, height: place.height - 1 });
  return (
    <Pane
      number={2}
      title={title}
      isFocused={view.pane === 'grid'}
      place={place}
      lines={lines}
      theme={theme}
    />
  );
}, isSameButTime);
