import { describe, expect, it } from 'vitest';
import { cnn } from '../../src/models/architectures/cnn.ts';
import { zoo } from '../../src/models/architectures/zoo.ts';
import { countOperations } from '../../src/models/count-operations.ts';

describe('the operations of a network', () => {
  it('are those of the formulas', () => {
    const network = cnn({
      inputShape: [8, 8, 1],
      classes: 10,
      filters: [4],
      kernel: 3,
      batchNorm: false,
      dense: [],
      dropout: 0,
    });
    expect(countOperations(network)).toEqual({
      // 8 · 8 · 4 values of 3 · 3 · 1 each, and 64 features by 10 classes
      multiplyAdds: 8 * 8 * 4 * 9 + 4 * 4 * 4 * 10,
      // convolution, ReLU, pool, flatten, scores
      activations: 256 + 256 + 64 + 64 + 10,
      largestActivation: 256,
      parameters: 9 * 4 + 4 + 64 * 10 + 10,
    });
  });

  // He et al. 2016, table 1 and section 4.2; Sandler et al. 2018, table 4. Parameters: torchvision's tables, without the
  // running statistics.
  it.each([
    ['resnet50', 224, 1000, 4.1e9],
    ['resnet101', 224, 1000, 7.8e9],
    ['resnet18', 224, 1000, 1.8e9],
    ['mobilenet-v2', 224, 1000, 300e6],
    ['cifar-resnet20', 32, 10, 41e6],
  ] as const)('of %s are those that its authors state', (name, size, classes, stated) => {
    const { multiplyAdds } = countOperations(zoo[name].build({ size, classes }));
    expect(multiplyAdds / stated).toBeGreaterThan(0.95);
    expect(multiplyAdds / stated).toBeLessThan(1.05);
  });

  it('count depthwise convolutions by their own channel', () => {
    const { parameters } = countOperations(zoo['mobilenet-v2'].build({ size: 224, classes: 1000 }));
    // 3,504,872 parameters and 34,112 running statistics
    expect(parameters).toBe(3_504_872 + 34_112);
  });
});
