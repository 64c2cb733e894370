// @ts-check
import { metricStage, Type, wilsonInterval } from 'ravelin';

/** Top-k accuracy: the true class is among the k most likely ones. A tie counts against the image. */
const topK = metricStage({
  uses: 'evaluate/top-k',
  version: 1,
  summary: 'Top-k accuracy with its 95 % interval',
  with: { k: Type.Integer({ minimum: 1, default: 5, description: 'classes that count' }) },
  gives: ['topAccuracy', 'topAccuracyLow', 'topAccuracyHigh'],
  score: ({ predictions }, { k }) => {
    const { probabilities, labels, shape } = predictions;
    const [n, classes] = shape;
    let correct = 0;
    labels.forEach((label, row) => {
      const own = probabilities.subarray(row * classes, (row + 1) * classes);
      const above = own.filter((value, index) => index !== label && value >= own[label]).length;
      if (above < k) correct++;
    });
    const interval = wilsonInterval(correct, n);
    return {
      topAccuracy: n === 0 ? null : correct / n,
      topAccuracyLow: interval?.low ?? null,
      topAccuracyHigh: interval?.high ?? null,
    };
  },
});

export const stages = [topK];
