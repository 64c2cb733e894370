// @ts-check
import { defenseStage, randomStream, Type } from 'ravelin';

/**
 * Random resizing and padding (Xie et al. 2018, "Mitigating adversarial effects through randomization", section 3): each image is resized bilinearly to a
 * random smaller size and put at a random place on black. Xie et al. enlarge the image for a larger network; here the image keeps its size.
 */
const resizeAndPad = defenseStage({
  uses: 'defense/resize-and-pad',
  version: 1,
  summary: 'Random resizing and padding of Xie et al. 2018',
  with: {
    smallest: Type.Number({
      exclusiveMinimum: 0,
      maximum: 1,
      default: 0.9,
      description: 'smallest size, as a share of the image',
    }),
    draws: Type.Integer({ minimum: 1, maximum: 1000, default: 10, description: 'views of each image' }),
  },
  example: { smallest: 0.6, draws: 3 },
  onTheFly: true,
  // It draws at random: predictions average over this many views, and attacks that go through it over draws (EOT).
  views: ({ draws }) => draws,
  defense: {
    apply: (pixels, shape, { smallest }, draw) => {
      const result = new Float32Array(pixels.length);
      eachTap(shape, smallest, draw, (to, from, weight) => (result[to] += weight * pixels[from]));
      return result;
    },
    // Linear in the pixels for a given draw, so the transpose is the derivative.
    pullBack: (gradient, _input, shape, { smallest }, draw) => {
      const result = new Float32Array(gradient.length);
      eachTap(shape, smallest, draw, (to, from, weight) => (result[from] += weight * gradient[to]));
      return result;
    },
  },
});

export const stages = [resizeAndPad];

/** @type {(shape: import('ravelin').PixelShape, smallest: number, draw: import('ravelin').Draw, visit: (to: number, from: number, weight: number) => void) => void} */
function eachTap([, height, width, channels], smallest, { seed, draw, ids }, visit) {
  const at = (/** @type {number} */ row, /** @type {number} */ y, /** @type {number} */ x) =>
    ((row * height + y) * width + x) * channels;
  ids.forEach((id, row) => {
    // Keyed by the image, so that the draw is the same in any batch.
    const random = randomStream(seed, draw, id);
    const share = smallest + (1 - smallest) * random.uniform();
    const [tall, wide] = [Math.max(1, Math.round(share * height)), Math.max(1, Math.round(share * width))];
    const [top, left] = [random.integer(height - tall + 1), random.integer(width - wide + 1)];
    for (let y = 0; y < tall; y++) {
      for (let x = 0; x < wide; x++) {
        for (const [fromY, weightY] of taps(y, tall, height)) {
          for (const [fromX, weightX] of taps(x, wide, width)) {
            for (let channel = 0; channel < channels; channel++)
              visit(at(row, top + y, left + x) + channel, at(row, fromY, fromX) + channel, weightY * weightX);
          }
        }
      }
    }
  });
}

/** The two pixels that a pixel of the smaller image mixes, with their weights. @type {(index: number, length: number, from: number) => [number, number][]} */
function taps(index, length, from) {
  const place = Math.min(from - 1, Math.max(0, ((index + 0.5) * from) / length - 0.5));
  const before = Math.floor(place);
  return [
    [before, 1 - (place - before)],
    [Math.min(from - 1, before + 1), place - before],
  ];
}
