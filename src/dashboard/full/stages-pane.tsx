import { stagesBody } from '../inline/stages-frame.ts';
import { firstView } from '../inline/view.ts';
import { Pane } from './pane.tsx';
import type { PaneContext } from './pane-context.ts';

/** A row for each stage with a strip of its cells. */
export function StagesPane({ snapshot, theme, size }: PaneContext) {
  const { state, view, now, remaining } = snapshot;
  const query = view.pane === 'stages' ? view.query : '';
  const inline = { ...firstView, stage: view.stage, stageFilter: query };
  const context = {
    state,
    view: inline,
    theme,
    notice: '',
    interactive: true,
    columns: size.width,
    now,
    remaining,
  };
  const lines = stagesBody(context, size.height - 1);
  const title = query === '' ? `stages` : `stages with '${query}'`;
  return (
    <Pane number={1} title={title} isFocused={view.pane === 'stages'} {...size} lines={lines} theme={theme} />
  );
}
