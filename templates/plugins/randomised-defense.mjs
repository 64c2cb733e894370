// @ts-check
import { defenseStage, randomStream, Type } from 'ravelin';

/** Makes each pixel black, in all its channels, with a given probability. */
const defense = defenseStage({
  uses: 'defense/my-plugin',
  version: 1,
  summary: 'My plugin: makes pixels black at random',
  with: {
    probability: Type.Number({
      minimum: 0,
      maximum: 1,
      default: 0.1,
      description: 'probability that a pixel becomes black',
    }),
    draws: Type.Integer({ minimum: 1, maximum: 1000, default: 10, description: 'views of each image' }),
  },
  // The parameters with which `ravelin test` tries it, besides those that have a default.
  example: { probability: 0.3, draws: 3 },
  onTheFly: true,
  // It draws at random: predictions average over this many views, and attacks through it over draws (EOT).
  views: ({ draws }) => draws,
  defense: {
    apply: (pixels, shape, { probability }, draw) => mask(pixels, shape, probability, draw),
    // Linear in the pixels for a given draw, and its own transpose.
    pullBack: (gradient, _input, shape, { probability }, draw) => mask(gradient, shape, probability, draw),
  },
});

export const stages = [defense];

/** @type {(values: Float32Array, shape: import('ravelin').PixelShape, probability: number, draw: import('ravelin').Draw) => Float32Array} */
function mask(values, [, height, width, channels], probability, { seed, draw, ids }) {
  const result = values.slice();
  ids.forEach((id, row) => {
    // Keyed by the image, so that the draw is the same in any batch.
    const random = randomStream(seed, draw, id);
    for (let pixel = row * height * width; pixel < (row + 1) * height * width; pixel++)
      if (random.uniform() < probability) result.fill(0, pixel * channels, (pixel + 1) * channels);
  });
  return result;
}
