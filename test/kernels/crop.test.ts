import fc from 'fast-check';
import { expect, it } from 'vitest';
import { resizeByDefinition } from '../../src/kernels/crop/reference.ts';
import { openResize } from '../../src/kernels/crop/wasm.ts';
import { randomStream } from '../../src/tensors/random.ts';

const crops = fc
  .record({
    height: fc.integer({ min: 1, max: 40 }),
    width: fc.integer({ min: 1, max: 40 }),
    channels: fc.integer({ min: 1, max: 5 }),
  })
  .chain((size) =>
    fc.integer({ min: 1, max: Math.min(size.height, size.width) }).chain((side) =>
      fc.record({
        height: fc.constant(size.height),
        width: fc.constant(size.width),
        channels: fc.constant(size.channels),
        size: fc.constant(side),
        top: fc.integer({ min: 0, max: size.height - side }),
        left: fc.integer({ min: 0, max: size.width - side }),
      }),
    ),
  );

it('resizes every crop as the definition does, bit for bit', () => {
  fc.assert(
    fc.property(crops, fc.integer({ min: 0, max: 1000 }), (crop, id) => {
      const image = new Float32Array(crop.height * crop.width * crop.channels);
      randomStream([3, 4], id).fillUniform(image);
      const resized = new Float32Array(image.length);
      openResize(crop)(image, crop.top, crop.left, resized);
      expect(resized).toEqual(resizeByDefinition(image, crop));
    }),
    { numRuns: 400 },
  );
});

it('resizes a crop of 90 pixels from 224×224×3, and the next image as if it were the first', () => {
  const crop = { height: 224, width: 224, channels: 3, size: 90, top: 134, left: 17 };
  const images = [1, 2].map((id) => {
    const image = new Float32Array(224 * 224 * 3);
    randomStream([3, 4], id).fillUniform(image);
    return image;
  });
  const resize = openResize(crop);
  for (const image of images) {
    const resized = new Float32Array(image.length);
    resize(image, crop.top, crop.left, resized);
    expect(
      Buffer.compare(Buffer.from(resized.buffer), Buffer.from(resizeByDefinition(image, crop).buffer)),
    ).toBe(0);
  }
});
