import { formatCount, formatMetric, formatRate } from './format.ts';
import type { CellState, DashboardState, RunningShard, StageState } from './state.ts';
import { at } from './vector.ts';

/**
 * Says in some words the most important of a stage: the epoch, loss and accuracy of a training that runs; the progress of a shard; what failed;
 * the accuracies that have arrived; and else the images of a second in which it computes.
 */
export function stageInfo(stage: StageState, state: DashboardState, now: number): string {
  const running = runningOf(stage, state);
  const training = running.find(({ cell }) => isTraining(cell));
  if (training !== undefined) return trainingInfo(training.cell, training.shard, now);
  const { counts, cells, score } = stage;
  if (counts.failed > 0) return `${formatCount(counts.failed)} failed`;
  if (score !== null) return scoreText(score);
  const progress = running.find(({ shard }) => shard.total > 0);
  if (progress !== undefined) return progressText(progress.shard);
  if (stage.onTheFly === cells.length && counts.waiting === 0) return 'applied on the fly';
  if (counts.reused === cells.length) return isAllShared(stage, state) ? 'equal to others' : 'reused';
  const rate = stageRate(stage, now);
  return rate === null ? '' : `${formatRate(rate)} images/s`;
}

/** Images of a second in which at least one shard of the stage runs; null if it has computed none, or next to no time. */
export function stageRate({ images, busyMs, busySince }: StageState, now: number): number | null {
  const ms = busyMs + (busySince === null ? 0 : Math.max(0, now - busySince));
  return images === 0 || ms < 100 ? null : images / (ms / 1000);
}

/** Whether a cell reports numbers while it runs, one after each epoch. */
export function isTraining({ curves }: CellState): boolean {
  return 'loss' in curves;
}

/** `epoch 2/3, loss 0.178, accuracy 95.0 %, 5,400 images/s`, as far as it is known. */
export function trainingInfo(cell: CellState, shard: RunningShard | null, now: number): string {
  const parts: string[] = [];
  const epochs = cell.curves['loss']?.length ?? 0;
  if (shard !== null && shard.total > 0 && shard.unit === 'epochs')
    parts.push(`epoch ${shard.done}/${shard.total}`);
  else if (epochs > 0) parts.push(`epoch ${epochs} done`);
  if (shard !== null && shard.total > 0 && shard.unit !== 'epochs')
    parts.push(`${Math.floor((100 * shard.done) / shard.total)} %`);
  for (const name of ['loss', 'accuracy', 'adversarialAccuracy'])
    if (name in cell.metrics)
      parts.push(
        formatMetric(name, cell.metrics[name]!)
          .replace('adversarial accuracy', 'adv. acc.')
          .replace('accuracy', 'acc.'),
      );
  if (shard !== null && shard.unit === 'images' && now - shard.startedAt > 500)
    parts.push(`${formatRate(shard.done / ((now - shard.startedAt) / 1000))} images/s`);
  return parts.join(', ');
}

function progressText({ done, total, unit }: RunningShard): string {
  return `${formatCount(done)}/${formatCount(total)} ${unit}`;
}

/** `accuracy 12.0 %`, `accuracy 12.0 to 99.0 %`. */
function scoreText({ name, lowest, highest }: NonNullable<StageState['score']>): string {
  const text = formatMetric(name, lowest);
  return lowest === highest ? text : `${text.replace(' %', '')} to ${(highest * 100).toFixed(1)} %`;
}

function runningOf(
  stage: StageState,
  state: DashboardState,
): readonly { readonly cell: CellState; readonly shard: RunningShard }[] {
  if (stage.shards.running === 0) return [];
  return [...state.running.values()]
    .map((shard) => ({ shard, cell: at(state.cells, shard.cell)! }))
    .filter(({ cell }) => state.stages[cell.stage] === stage);
}

function isAllShared({ cells }: StageState, state: DashboardState): boolean {
  for (let index = 0; index < cells.length; index++)
    if (at(state.cells, at(cells, index)!)!.sameAs === null) return false;
  return true;
}
