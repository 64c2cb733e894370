import type { PlannedCell } from '../runtime/plan/plan.ts';
import type { ResultReader } from '../runtime/run/finished-cells.ts';
import { readOutput } from './outputs.ts';
import type { OpenPipeline } from './pipeline.ts';

/** Reads every `report/table` when it is finished, and joins their texts for the end of the run. */
export interface ResultTables extends ResultReader {
  /** The tables in the order of the pipeline; empty if there are none. */
  readonly text: () => string;
}

export function openResultTables({ store }: Pick<OpenPipeline, 'store'>): ResultTables {
  const texts = new Map<number, string>();
  return {
    reads: ({ cell }: PlannedCell) => cell.uses === 'report/table',
    async read({ index, units, stage }) {
      const outputs = units.map((unit) => unit.outputs).filter((made) => made !== null);
      // A unit that is being computed again: the cell will be read when it has finished again.
      if (outputs.length < units.length) return;
      const figure = await readOutput(store, outputs, stage.defaultOutput, 'figure');
      if (figure.kind === 'figure' && figure.files['txt'] !== undefined)
        texts.set(index, Buffer.from(figure.files['txt']).toString('utf8').trimEnd());
    },
    text: () =>
      [...texts]
        .sort(([one], [other]) => one - other)
        .map(([, text]) => text)
        .join('\n\n'),
  };
}
