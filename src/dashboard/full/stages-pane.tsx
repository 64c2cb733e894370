import { stageLines } from '../parts/stage-lines.ts';
import { Pane } from './pane.tsx';
import type { PaneContext } from './pane-context.ts';

/** A row for each stage with a strip of its cells. */
export function StagesPane({ snapshot, theme, place }: PaneContext) {
  const { state, view, now } = snapshot;
  const query = view.pane === 'stages' ? view.query : '';
  const context = { state, stage: view.stage, filter: query, theme, columns: place.width, now };
  const lines = stageLines(context, place.height - 1);
  const title = query === '' ? `stages` : `stages with '${query}'`;
  return (
    <Pane
      number={1}
      title={title}
      isFocused={view.pane === 'stages'}
      place={place}
      lines={lines}
      theme={theme}
    />
  );
}
