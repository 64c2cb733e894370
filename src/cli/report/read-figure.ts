import { reportFigure } from '../../report/html/report-figure.ts';
import type { ReportFigure } from '../../report/html/run-report.ts';
import { DamagedObjectError } from '../../runtime/store/errors.ts';
import { readValue } from '../../runtime/store/read-value.ts';
import type { Store } from '../../runtime/store/store.ts';
import { complain } from '../output.ts';
import { readGallery } from './read-gallery.ts';
import { parametersOf, partsOf, type RecordedCell, type RunRecipes } from './run-recipes.ts';

/** The figure or table that a cell made, if its main output is one. A damaged one is a warning, and is left out. */
export function readFigure(store: Store, recipes: RunRecipes, cell: RecordedCell): ReportFigure | null {
  // A page of figures that are shown already.
  if (cell.uses === 'report/html') return null;
  if (!cell.uses.startsWith('report/') && parametersOf(cell)['title'] === undefined) return null;
  const [port] = Object.keys(cell.records[0]?.outputs ?? {});
  const part = port === undefined ? undefined : partsOf(cell, port)[0];
  if (part === undefined) return null;
  try {
    const value = readValue(store, 'figure', part.digest);
    return value.kind === 'figure'
      ? { ...reportFigure(cell.cell, value), gallery: readGallery(store, recipes, cell) }
      : null;
  } catch (error) {
    if (!(error instanceof DamagedObjectError)) throw error;
    complain(`warning: ${cell.cell} is left out: ${error.message}`);
    return null;
  }
}
