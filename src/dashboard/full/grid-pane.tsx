import { gridLines } from './grid-lines.ts';
import { Pane } from './pane.tsx';
import type { PaneContext } from './pane-context.ts';

/** The cells of a stage by two axes. */
export function GridPane({ snapshot, theme, size }: PaneContext) {
  const { state, view } = snapshot;
  const stage = state.stages[view.stage];
  const number = view.number ?? (stage?.score === null || stage === undefined ? '' : stage.score.name);
  const title = stage === undefined ? 'cells' : `${stage.id}${number === '' ? '' : `: ${number}`}`;
  const lines = gridLines({ state, view, theme, width: size.width, height: size.height - 1 });
  return (
    <Pane number={2} title={title} isFocused={view.pane === 'grid'} {...size} lines={lines} theme={theme} />
  );
}
