import type { FullView, PaneName } from './full-view.ts';

/** The rectangle of a pane in the room of all panes, its title included. */
export interface PaneRectangle extends PaneSize {
  readonly left: number;
  readonly top: number;
}

interface PaneSize {
  readonly name: PaneName;
  readonly width: number;
  readonly height: number;
}

/** Columns between two panes. */
const gap = 2;

/**
 * Divides the room below the header. A wide terminal shows all panes in two columns, a smaller one that in focus above another
 * one, and a small one only that in focus.
 */
export function layout(
  { pane, zoomed }: Pick<FullView, 'pane' | 'zoomed'>,
  { width, height }: { readonly width: number; readonly height: number },
  needs: { readonly stages: number; readonly workers: number },
): readonly PaneRectangle[] {
  if (height <= 0 || width <= 0) return [];
  if (zoomed || height < 12 || width < 50) return below([{ name: pane, width, height }], 0);
  if (width < 100 || height < 16) return below(stacked(pane, width, height), 0);
  const left = Math.max(48, Math.min(90, Math.floor((width - gap) * 0.5)));
  return [
    ...below(leftPanes(left, height, needs), 0),
    ...below(rightPanes(width - gap - left, height), left + gap),
  ];
}

/** Panes from top to bottom. */
function below(panes: readonly PaneSize[], left: number): readonly PaneRectangle[] {
  let top = 0;
  return panes.map((pane) => {
    const placed = { ...pane, left, top };
    top += pane.height;
    return placed;
  });
}

function stacked(pane: PaneName, width: number, height: number): readonly PaneSize[] {
  const others: Readonly<Record<PaneName, PaneName>> = {
    stages: 'grid',
    grid: 'cell',
    cell: 'workers',
    workers: 'history',
    history: 'workers',
  };
  const top = Math.ceil(height * 0.6);
  return [
    { name: pane, width, height: top },
    { name: others[pane], width, height: height - top },
  ];
}

function leftPanes(
  width: number,
  height: number,
  { stages, workers }: { readonly stages: number; readonly workers: number },
): readonly PaneSize[] {
  const history = height >= 26 ? Math.min(8, Math.floor(height / 4)) : 0;
  const wanted = Math.max(2, Math.min(workers + 1, 9, Math.floor(height / 3)));
  const most = height - history - wanted;
  const forStages = history > 0 ? most : Math.min(stages + 1, most);
  const panes: PaneSize[] = [{ name: 'stages', width, height: forStages }];
  panes.push({ name: 'workers', width, height: history > 0 ? wanted : height - forStages });
  if (history > 0) panes.push({ name: 'history', width, height: height - forStages - wanted });
  return panes;
}

function rightPanes(width: number, height: number): readonly PaneSize[] {
  const grid = Math.ceil(height * 0.58);
  return [
    { name: 'grid', width, height: grid },
    { name: 'cell', width, height: height - grid },
  ];
}
