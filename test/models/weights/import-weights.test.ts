import { describe, expect, it } from 'vitest';
import { zoo } from '../../../src/models/architectures/zoo.ts';
import { networkBuilder } from '../../../src/models/builder.ts';
import { NetworkError } from '../../../src/models/network.ts';
import { importWeights, torchShapes, torchWeights } from '../../../src/models/weights/import-weights.ts';
import type { RawTensor } from '../../../src/models/weights/named-tensors.ts';
import type { Network } from '../../../src/values/model.ts';

const counting = (shape: readonly number[]): RawTensor => ({
  shape,
  type: 'F32',
  read: () =>
    Float32Array.from({ length: shape.reduce((all, extent) => all * extent, 1) }, (_, index) => index),
});
const checkpoint = (network: Network): Map<string, RawTensor> =>
  new Map([...torchShapes(network)].map(([name, shape]) => [name, counting(shape)]));

function small(classes = 2): Network {
  const b = networkBuilder({ architecture: 'small', inputShape: [2, 3, 2], classes });
  const wide = b.conv('wide', 'input', { filters: 4, kernel: [1, 2], bias: false, padding: [0, 0, 0, 1] });
  const deep = b.conv('deep', b.batchNorm('bn', wide), { filters: 8, kernel: 1, groups: 4 });
  const flat = b.dropout('drop', b.flatten('flat', deep), 0.5);
  return b.build(b.dense('fc', flat, { units: classes }));
}

describe('importWeights', () => {
  it('turns OIHW, depthwise and dense weights, and channels-first flattening, into ours', () => {
    const weights = importWeights(small(), { tensors: checkpoint(small()), layout: 'torch' });
    // [o, i, h, w] of [4, 2, 1, 2] is 4·o + 2·i + w; ours runs over w, i, o.
    expect(weights['wide.weight']!.shape).toEqual([1, 2, 2, 4]);
    expect([...weights['wide.weight']!.data]).toEqual([0, 4, 8, 12, 2, 6, 10, 14, 1, 5, 9, 13, 3, 7, 11, 15]);
    expect(weights['deep.weight']!.shape).toEqual([1, 1, 4, 2]);
    expect([...weights['deep.weight']!.data]).toEqual([0, 1, 2, 3, 4, 5, 6, 7]);
    // [out, c, h, w] of [2, 8, 2, 3]: our row is (h·3 + w)·8 + c, our column is out.
    const { shape, data } = weights['fc.weight']!;
    expect(shape).toEqual([48, 2]);
    for (let c = 0; c < 8; c++)
      for (let position = 0; position < 6; position++)
        for (let out = 0; out < 2; out++)
          expect(data[(position * 8 + c) * 2 + out]).toBe(out * 48 + c * 6 + position);
  });

  it('comes back to the bits of the checkpoint in the layout of PyTorch', () => {
    for (const network of [small(), zoo['mobilenet-v2'].build({ classes: 3, size: 32 })]) {
      const tensors = checkpoint(network);
      const back = torchWeights(network, importWeights(network, { tensors, layout: 'torch' }));
      expect(Object.keys(back).sort()).toEqual([...tensors.keys()].sort());
      for (const [name, { shape, read }] of tensors) {
        expect(back[name]?.shape, name).toEqual(shape);
        expect(Buffer.from(back[name]!.data.buffer).equals(Buffer.from(read().buffer)), name).toBe(true);
      }
    }
  });

  it('does not change the order of a flattened image that another layer than a dense one reads', () => {
    const b = networkBuilder({ architecture: 'normed', inputShape: [2, 2, 2], classes: 3 });
    const network = b.build(b.dense('fc', b.batchNorm('bn', b.flatten('flat', 'input')), { units: 3 }));
    const weights = importWeights(network, { tensors: checkpoint(network), layout: 'torch' });
    expect(() => torchWeights(network, weights)).toThrow("the layer 'bn' reads a flattened image");
  });

  it('lists what is missing, unexpected and of another shape, with the name that was probably meant', () => {
    const tensors = checkpoint(small(3));
    tensors.set('bm.running_var', tensors.get('bn.running_var')!);
    tensors.delete('bn.running_var');
    tensors.set('bn.num_batches_tracked', counting([]));
    expect(() => importWeights(small(), { tensors, layout: 'torch' })).toThrow(
      'the weights do not fit small: 1 missing: bn.running_var; 1 unexpected: bm.running_var (did you mean bn.running_var?); ' +
        '2 of another shape: fc.weight is [3, 48] instead of [2, 48] (set classes: 3), fc.bias is [3] instead of [2] (set classes: 3)',
    );
  });

  it('says which part of a larger network to save, if all names begin alike', () => {
    const prefixed = new Map([...checkpoint(small())].map(([name, tensor]) => [`backbone.${name}`, tensor]));
    expect(() => importWeights(small(), { tensors: prefixed, layout: 'torch' })).toThrow(
      expect.objectContaining({
        fix: "all names begin with 'backbone.': save the network inside of it, torch.save(model.backbone.state_dict(), 'weights.pth')",
      }),
    );
    const other = new Map([['backbone.x', counting([1])]]);
    expect(() => importWeights(small(), { tensors: other, layout: 'torch' })).toThrow(
      expect.objectContaining({ fix: undefined }),
    );
  });

  it('refuses NaN and negative variances', () => {
    const tensors = checkpoint(small());
    tensors.set('bn.bias', { ...counting([4]), read: () => Float32Array.of(0, NaN, 0, 0) });
    expect(() => importWeights(small(), { tensors, layout: 'torch' })).toThrow(NetworkError);
    tensors.set('bn.bias', counting([4]));
    tensors.set('bn.running_var', { ...counting([4]), read: () => Float32Array.of(1, -1, 1, 1) });
    expect(() => importWeights(small(), { tensors, layout: 'torch' })).toThrow(/negative variance/);
  });

  it('takes the old names of DenseNet and leaves the auxiliary classifier of Inception-v3', () => {
    const { build, ...densenet } = zoo.densenet121;
    const network = build({ size: 32, classes: 10 });
    const old = new Map(
      [...checkpoint(network)].map(([name, tensor]) => [
        name.replace(/(denselayer\d+\.)(norm|conv)([12])/, '$1$2.$3'),
        tensor,
      ]),
    );
    expect(old.has('features.denseblock1.denselayer1.norm.1.weight')).toBe(true);
    expect(() => importWeights(network, { tensors: old, layout: 'torch' }, densenet)).not.toThrow();
    const inception = zoo['inception-v3'].build({ size: 75, classes: 10 });
    const tensors = checkpoint(inception).set('AuxLogits.fc.bias', counting([10]));
    expect(() => importWeights(inception, { tensors, layout: 'torch' }, zoo['inception-v3'])).not.toThrow();
    expect(() => importWeights(inception, { tensors, layout: 'torch' })).toThrow(
      /unexpected: AuxLogits.fc.bias/,
    );
  });
});
