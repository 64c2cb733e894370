import { describe, expect, it } from 'vitest';
import { cnn } from '../../src/models/architectures/cnn.ts';
import { networkBuilder } from '../../src/models/builder.ts';
import { initializeModel } from '../../src/models/initialize.ts';
import { checkModel, networkShapes, weightShapes, windowCount } from '../../src/models/network.ts';

const mnist = {
  inputShape: [28, 28, 1],
  classes: 10,
  filters: [16, 32],
  kernel: 3,
  batchNorm: true,
  dense: [64],
  dropout: 0.2,
} as const;

describe('cnn', () => {
  it('is blocks of convolution, batch norm, ReLU and pooling, then dense layers', () => {
    const network = cnn(mnist);
    expect(network.nodes.map(({ name }) => name).join(' ')).toBe(
      'conv1 bn1 relu1 pool1 conv2 bn2 relu2 pool2 flatten dropout1 fc1 fcrelu1 dropout2 fc2',
    );
    expect(network.output).toBe('fc2');
    expect(Object.fromEntries(networkShapes(network))).toMatchObject({
      conv1: [28, 28, 16],
      pool2: [7, 7, 32],
      flatten: [1568],
      fc2: [10],
    });
    expect(Object.fromEntries(weightShapes(network))).toMatchObject({
      'conv2.weight': [3, 3, 16, 32],
      'bn1.running_var': [16],
      'fc1.weight': [1568, 64],
    });
  });
});

describe('networkShapes', () => {
  const begin = (): ReturnType<typeof networkBuilder> =>
    networkBuilder({ architecture: 'x', inputShape: [5, 5, 2], classes: 3 });

  it('names the node that does not fit', () => {
    const message = (make: (b: ReturnType<typeof networkBuilder>) => string): string => {
      const b = begin();
      try {
        b.build(make(b));
      } catch (error) {
        return (error as Error).message;
      }
      return 'fits';
    };
    expect(message((b) => b.dense('fc', b.flatten('f', 'input'), { units: 3 }))).toBe('fits');
    expect(message((b) => b.dense('fc', 'input', { units: 3 }))).toBe(
      "the network's output 'fc' is [5, 5, 3], but must be [3]: one logit per class",
    );
    expect(message((b) => b.conv('c', 'input', { filters: 1, kernel: 7 }))).toBe(
      "'c' (conv) would give [-1, -1, 1]: the image is too small for it",
    );
    expect(message((b) => b.relu('r', 'nowhere'))).toBe(
      "node 'r' reads 'nowhere', which is not an earlier node",
    );
    expect(message((b) => b.relu('r', b.relu('r', 'input')))).toBe("two nodes of the network are named 'r'");
    expect(message((b) => b.add('a', 'input', b.conv('c', 'input', { filters: 3, kernel: 1 })))).toBe(
      "'a' adds [5, 5, 2] and [5, 5, 3], which must be equal",
    );
    expect(message((b) => b.conv('c', 'input', { filters: 4, kernel: 1, groups: 3 }))).toMatch(
      /3 groups for 2 channels/,
    );
    expect(message((b) => b.globalAveragePool('g', 'input'))).toBe(
      "the network's output 'g' is [2], but must be [3]: one logit per class",
    );
  });
});

describe('windowCount', () => {
  it('rounds as PyTorch does', () => {
    expect(windowCount(7, 2, 2, 0, 0, false)).toBe(3);
    expect(windowCount(7, 2, 2, 0, 0, true)).toBe(4);
    // The fourth window would begin in the trailing padding: PyTorch drops it.
    expect(windowCount(5, 2, 2, 1, 1, true)).toBe(3);
  });
});

describe('initializeModel', () => {
  it('draws He-normal weights, zero biases and identity batch norms from the seed', () => {
    const network = cnn({ ...mnist, filters: [16, 64] });
    const { weights } = initializeModel(network, { mean: [0], std: [1] }, [1, 2]);
    const deviation = (name: string): number =>
      Math.sqrt(weights[name]!.data.reduce((sum, x) => sum + x * x, 0) / weights[name]!.data.length);
    expect(deviation('conv2.weight') / Math.sqrt(2 / (9 * 64))).toBeCloseTo(1, 1);
    expect(deviation('fc1.weight') / Math.sqrt(2 / (49 * 64))).toBeCloseTo(1, 1);
    expect([...new Set(weights['bn1.weight']!.data)]).toEqual([1]);
    expect([...new Set(weights['fc1.bias']!.data)]).toEqual([0]);
    expect(initializeModel(network, { mean: [0], std: [1] }, [1, 2]).weights).toEqual(weights);
    expect(initializeModel(network, { mean: [0], std: [1] }, [1, 3]).weights).not.toEqual(weights);
  });
});

describe('checkModel', () => {
  it('refuses a network with one output', () => {
    const b = networkBuilder({ architecture: 'x', inputShape: [2, 2, 1], classes: 1 });
    const network = b.build(b.dense('fc', b.flatten('f', 'input'), { units: 1 }));
    const model = initializeModel(network, { mean: [0], std: [1] }, [1, 2]);
    expect(() => checkModel(model)).toThrow(
      'the network has 1 output, and a classifier has a logit for each of two classes or more',
    );
  });
});
