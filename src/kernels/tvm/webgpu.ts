/**
 * Total variation minimisation of a whole batch by WGSL, with the primal-dual iteration of reference.ts in
 * float32: all images at once, two passes per iteration. Nothing is read back within a block of iterations.
 * After each block, images that have reached the tolerance stop, so that a result does not depend on its
 * batch.
 */
import { openCompute } from '../../tensors/webgpu/compute.ts';
import {
  droppedPixels,
  negligible,
  type Progress,
  progressOf,
  startOf,
  type Stopping,
  type TotalVariation,
} from './problem.ts';

type Shape = readonly [rows: number, height: number, width: number, channels: number];

const iterationsOfBlock = 40;
/** Number of values that one thread adds up for the gap; the partial sums are added here, in float64. */
const summedByThread = 256;

const common = `
struct Problem {
  height: u32, width: u32, channels: u32, size: u32,
  lambda: f32, tau: f32, sigma: f32, rho: f32,
  anisotropic: u32, count: u32, stripe: u32,
}
@group(0) @binding(0) var<uniform> problem: Problem;
@group(0) @binding(1) var<storage, read> running: array<u32>;

fn onBall(p: vec2f) -> vec2f {
  if (problem.anisotropic == 1) { return clamp(p, vec2f(-problem.lambda), vec2f(problem.lambda)); }
  return p * (problem.lambda / max(problem.lambda, length(p)));
}

// The image, row and column of a value.
fn placeOf(index: u32) -> vec3u {
  let inImage = index % problem.size;
  let pixel = inImage / problem.channels;
  return vec3u(index / problem.size, pixel / problem.width, pixel % problem.width);
}
`;

/** WGSL of the gradient of an array: differences to the right and to the pixel below, 0 at the border. */
const gradientOf = (array: string): string => `
fn gradientAt(i: u32, at: vec3u) -> vec2f {
  var gradient = vec2f(0);
  if (at.z + 1 < problem.width) { gradient.x = ${array}[i + problem.channels] - ${array}[i]; }
  if (at.y + 1 < problem.height) { gradient.y = ${array}[i + problem.channels * problem.width] - ${array}[i]; }
  return gradient;
}
`;

/**
 * A pass with one thread for each value of the images that still run: `body` sees its index `i` and its place
 * `at`.
 */
const passOverValues = (declarations: string, body: string): string => `${common}${declarations}
@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u) {
  let i = id.x + id.y * problem.stripe;
  if (id.x >= problem.stripe || i >= problem.count) { return; }
  let at = placeOf(i);
  if (running[at.x] == 0) { return; }
  ${body}
}`;

const primalPass = passOverValues(
  `
@group(0) @binding(2) var<storage, read> values: array<f32>;
@group(0) @binding(3) var<storage, read> p: array<vec2f>;
@group(0) @binding(4) var<storage, read_write> u: array<f32>;
@group(0) @binding(5) var<storage, read_write> ahead: array<f32>;
`,
  `var w = -p[i].x - p[i].y;
  if (at.z > 0) { w += p[i - problem.channels].x; }
  if (at.y > 0) { w += p[i - problem.channels * problem.width].y; }
  let old = u[i];
  var next = old - problem.tau * w;
  if (values[i] >= 0) { next = (next + problem.tau * values[i]) / (1 + problem.tau); }
  ahead[i] = 2 * next - old;
  u[i] = old + problem.rho * (next - old);`,
);

const dualPass = passOverValues(
  `
@group(0) @binding(2) var<storage, read> ahead: array<f32>;
@group(0) @binding(3) var<storage, read_write> p: array<vec2f>;
${gradientOf('ahead')}`,
  `let next = onBall(p[i] + problem.sigma * gradientAt(i, at));
  p[i] += problem.rho * (next - p[i]);`,
);

/**
 * Sums over stretches of each image: its objective, the bound without the reach of dropped pixels, and Σ |w|
 * over those pixels. p was over-relaxed, so it is projected back on the ball.
 */
const boundPass = `${common}
@group(0) @binding(2) var<storage, read> values: array<f32>;
@group(0) @binding(3) var<storage, read> u: array<f32>;
@group(0) @binding(4) var<storage, read> p: array<vec2f>;
@group(0) @binding(5) var<storage, read_write> sums: array<vec4f>;
${gradientOf('u')}
// 1 / |∇u| of the terms that hold the gradient along x, and along y.
fn stiffnessOf(gradient: vec2f) -> vec2f {
  let size = select(vec2f(length(gradient)), abs(gradient), problem.anisotropic == 1);
  return 1 / (size + ${droppedPixels.leastSlope});
}

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u) {
  let stretches = (problem.size + ${summedByThread - 1}) / ${summedByThread};
  if (id.x >= stretches || running[id.y] == 0) { return; }
  var sum = vec4f(0);
  let first = id.x * ${summedByThread};
  for (var inImage = first; inImage < min(first + ${summedByThread}, problem.size); inImage++) {
    let i = id.y * problem.size + inImage;
    let at = placeOf(i);
    let left = i - problem.channels;
    let above = i - problem.channels * problem.width;
    let own = onBall(p[i]);
    var w = -own.x - own.y;
    if (at.z > 0) { w += onBall(p[left]).x; }
    if (at.y > 0) { w += onBall(p[above]).y; }
    let gradient = gradientAt(i, at);
    if (problem.anisotropic == 1) { sum.x += problem.lambda * (abs(gradient.x) + abs(gradient.y)); }
    else { sum.x += problem.lambda * length(gradient); }
    if (values[i] >= 0) {
      let error = u[i] - values[i];
      sum.x += 0.5 * error * error;
      sum.y += w * values[i] - 0.5 * w * w;
    } else {
      var stiffness = stiffnessOf(gradient);
      if (at.z > 0) { stiffness.x += stiffnessOf(gradientAt(left, at - vec3u(0, 0, 1))).x; }
      if (at.y > 0) { stiffness.y += stiffnessOf(gradientAt(above, at - vec3u(0, 1, 0))).y; }
      sum.y += w * u[i] - ${droppedPixels.softness} * w * w / (problem.lambda * (stiffness.x + stiffness.y));
      sum.z += abs(w);
    }
  }
  sums[id.y * stretches + id.x] = sum;
}`;

/**
 * Minimises over each of the images `[rows, height, width, channels]` in place; dropped pixels are −1.
 * Progress is that of the WebAssembly kernel, with iterations rounded up to blocks of 40. Throws
 * `BackendError` if WebGPU is not ready.
 */
export async function minimiseOnWebGpu(
  images: Float32Array,
  [rows, height, width, channels]: Shape,
  { lambda, tv }: TotalVariation,
  { tolerance, limit }: Stopping,
): Promise<readonly Progress[]> {
  const compute = await openCompute();
  const size = height * width * channels;
  const count = rows * size;
  const groups = Math.ceil(count / 64);
  // One axis of a dispatch holds 65,535 workgroups, so a large batch is split into several stripes.
  const across = Math.min(groups, 65_535);
  const down = Math.ceil(groups / across);
  const tau = 0.4;
  const problem = compute.uniform(
    Uint32Array.of(height, width, channels, size),
    Float32Array.of(lambda, tau, 1 / (8 * tau), 1.9),
    Uint32Array.of(tv === 'anisotropic' ? 1 : 0, count, across * 64),
  );
  const stretches = Math.ceil(size / summedByThread);
  const running = new Uint32Array(rows).fill(1);
  const reaches = Array.from({ length: rows }, (_, row) => {
    const kept = images
      .subarray(row * size, (row + 1) * size)
      .reduce((sum, value) => sum + Number(value >= 0), 0);
    // If nothing is kept, w is 0.
    return (droppedPixels.reach * size) / Math.max(1, kept);
  });
  const flags = compute.upload(running);
  const values = compute.upload(images);
  const u = compute.upload(startOfImages(images, [rows, height, width, channels]));
  const [ahead, p, sums] = [4 * count, 8 * count, 16 * rows * stretches].map((bytes) =>
    compute.allocate(bytes),
  ) as [GPUBuffer, GPUBuffer, GPUBuffer];
  try {
    const [primal, dual, bound] = await Promise.all(
      [primalPass, dualPass, boundPass].map((wgsl) => compute.pipeline(wgsl)),
    );
    const iteration = [
      compute.pass(primal!, [problem, flags, values, p, u, ahead], [across, down]),
      compute.pass(dual!, [problem, flags, ahead, p], [across, down]),
    ];
    const block = Array.from({ length: iterationsOfBlock }, () => iteration).flat();
    const check = compute.pass(bound!, [problem, flags, values, u, p, sums], [stretches / 64, rows]);
    const progress = new Array<Progress>(rows);
    for (let iterations = 0; running.includes(1); iterations += iterationsOfBlock) {
      if (iterations > 0) compute.submit(block);
      compute.submit([check]);
      const parts = await compute.read(sums, Float32Array);
      running.forEach((isRunning, row) => {
        if (isRunning === 0) return;
        const part = parts.subarray(4 * row * stretches, 4 * (row + 1) * stretches);
        const floor = negligible * lambda * size;
        const [objective, least] = addUp(part, reaches[row]!);
        progress[row] = progressOf(objective, least, iterations, { tolerance, floor });
        if (progress[row].converged || iterations >= limit) running[row] = 0;
      });
      compute.write(flags, running);
    }
    (await compute.read(u, Float32Array)).forEach((value, index) => {
      images[index] = Math.min(1, Math.max(0, value));
    });
    return progress;
  } finally {
    compute.release(problem, flags, values, u, ahead, p, sums);
  }
}

/** Objective and bound from the sums of the bound pass. */
function addUp(parts: Float32Array, reach: number): readonly [objective: number, least: number] {
  let [objective, least] = [0, 0];
  for (let part = 0; part < parts.length; part += 4) {
    objective += parts[part]!;
    least += parts[part + 1]! - reach * parts[part + 2]!;
  }
  return [objective, least];
}

function startOfImages(images: Float32Array, [rows, height, width, channels]: Shape): Float32Array {
  const start = new Float32Array(images.length);
  const size = height * width * channels;
  for (let row = 0; row < rows; row++) {
    for (let c = 0; c < channels; c++) {
      const at = (pixel: number): number => row * size + pixel * channels + c;
      const target = Float64Array.from({ length: height * width }, (_, pixel) => images[at(pixel)]!);
      startOf({ height, width, target }).forEach((value, pixel) => (start[at(pixel)] = value));
    }
  }
  return start;
}
