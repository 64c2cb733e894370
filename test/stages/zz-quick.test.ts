import { it } from 'vitest';
import { imagesOf, runStage } from '/work/main/test/stages/run-stage.ts';
it('quick', async () => {
  const images = await imagesOf('dataset/mnist', { split: 'train', limit: 20000 });
  const test = await imagesOf('dataset/mnist', { limit: 1000 });
  for (const learningRate of [0.05]) {
    const model = (await runStage('model/cnn', {})).outputs['model'];
    let t = performance.now();
    const run = await runStage('train/sgd', { epochs: 4, learningRate, schedule: { kind: 'one-cycle', every: 30, factor: 0.1 } }, { inputs: { model, images, validation: test } }).catch((e) => ({ logs: [String(e)], outputs: {} as any }));
    console.log(learningRate, run.logs.join('\n'), (performance.now() - t) / 1000);
    const m = run.outputs['model'];
    if (m) for (const [uses, given] of [['attack/fgsm', { dissimilarity: 0.2 }], ['attack/i-fgsm', { dissimilarity: 0.2 }], ['attack/i-fgsm', { dissimilarity: 0.4 }]] as const) {
      t = performance.now();
      const a = await runStage(uses, given, { inputs: { model: m, images: test } });
      const p = await runStage('predict/classify', {}, { inputs: { model: m, images: a.outputs['images'] } });
      const e = await runStage('evaluate/robustness', {}, { inputs: { predictions: p.outputs['predictions'], originals: test } });
      console.log(uses, a.logs, a.warnings, (e.outputs['metrics'] as any).rows[0].values.accuracy, (performance.now() - t) / 1000);
    }
  }
}, 600000);
