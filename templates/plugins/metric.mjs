// @ts-check
import { metricStage, Type } from 'ravelin';

/** The share of images whose true class has at least a given probability, and that probability on average. */
const metric = metricStage({
  uses: 'evaluate/my-plugin',
  version: 1,
  summary: 'My plugin: the probability of the true class',
  with: {
    least: Type.Number({ minimum: 0, maximum: 1, default: 0.5, description: 'probability that counts' }),
  },
  gives: ['trueProbability', 'trueShare'],
  score: ({ predictions }, { least }) => {
    const { probabilities, labels, shape } = predictions;
    const [n, classes] = shape;
    const own = Array.from(labels, (label, row) => probabilities[row * classes + label]);
    // A number that is undefined is null.
    if (n === 0) return { trueProbability: null, trueShare: null };
    return {
      trueProbability: own.reduce((sum, value) => sum + value, 0) / n,
      trueShare: own.filter((value) => value >= least).length / n,
    };
  },
});

export const stages = [metric];
