import type { Plan } from '../runtime/plan/plan.ts';
import { readOutput } from './outputs.ts';
import type { OpenPipeline } from './pipeline.ts';

/** Text of every finished `report/table`, for the end of a run; empty if there is none. */
export async function resultTables({ store }: OpenPipeline, plan: Plan): Promise<string> {
  const texts: string[] = [];
  for (const planned of plan.cells) {
    if (planned?.cell.uses !== 'report/table') continue;
    const outputs = planned.units.map((unit) => unit.outputs);
    if (!outputs.every((unit) => unit !== null)) continue;
    const figure = await readOutput(store, outputs, planned.stage.defaultOutput, 'figure');
    if (figure.kind === 'figure' && figure.files['txt'] !== undefined) {
      texts.push(Buffer.from(figure.files['txt']).toString('utf8').trimEnd());
    }
  }
  return texts.join('\n\n');
}
