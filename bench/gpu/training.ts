/** Steps of training, data preparation included, on random images. */
import { trainSgd } from '../../src/training/sgd.ts';
import { openBackend } from '../../src/tensors/backend.ts';
import { trainingOf } from './models.ts';
import { orFailure } from './row.ts';
import type { Given, Report } from './row.ts';

export async function measureTraining({ backend, small }: Given, report: Report): Promise<void> {
  await openBackend(backend);
  const batches = small ? [4] : backend === 'wasm' ? [128] : [128, 512];
  for (const batchSize of batches) {
    const steps = small ? 3 : backend === 'wasm' ? 4 : 40;
    const what = `step of cifar-resnet20, batch ${batchSize}`;
    await orFailure(what, report, async () => {
      const ends: number[] = [];
      const training = trainingOf(steps, batchSize);
      const begun = performance.now();
      let cpu = process.cpuUsage();
      let losses = 0;
      await trainSgd({
        ...training,
        progress: () => {
          ends.push(performance.now());
          if (ends.length === 2) cpu = process.cpuUsage();
        },
        onEpoch: ({ loss }) => void (losses = loss),
      });
      const { user, system } = process.cpuUsage(cpu);
      // The first two steps compile shaders.
      const milliseconds = (ends.at(-1)! - ends[1]!) / (ends.length - 2);
      report({
        what,
        value: (1000 * batchSize) / milliseconds,
        unit: 'images/s',
        note: `${milliseconds.toFixed(1)} ms, CPU ${((user + system) / 1000 / (ends.length - 2)).toFixed(1)} ms; first ${(ends[0]! - begun).toFixed(0)} ms; mean loss ${losses.toFixed(4)}`,
      });
    });
  }
}
