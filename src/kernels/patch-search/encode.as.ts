// Turns patches and queries into codes: principal components by a matrix product of four at a time, then
// int16.
import {
  firstComponents,
  firstSplit,
  firstFeatures,
  secondComponents,
  secondSplit,
  secondFeatures,
  rowBytes,
  rowIndex,
  dims,
  outputs,
  inverseStep,
  basis,
  mean,
  inputs,
  projected,
  codes,
  staging,
  second,
  patches,
  queries,
  queryFirst,
  querySecond,
} from './layout.as';

/**
 * `projected[i] = Σ basis[i, j] · inputs[j]` for four patches side by side; `outputs` is a multiple of 4,
 * padded with zero rows.
 */
function projectFour(): void {
  const rowLength = usize(dims) * 4;
  for (let output = 0; output < outputs; output += 4) {
    let row = basis + usize(output) * rowLength;
    let sum0 = f32x4.splat(0);
    let sum1 = sum0;
    let sum2 = sum0;
    let sum3 = sum0;
    let input = inputs;
    for (const end = row + rowLength; row < end; row += 4) {
      const value = v128.load(input);
      sum0 = f32x4.add(sum0, f32x4.mul(value, v128.load32_splat(row)));
      sum1 = f32x4.add(sum1, f32x4.mul(value, v128.load32_splat(row + rowLength)));
      sum2 = f32x4.add(sum2, f32x4.mul(value, v128.load32_splat(row + 2 * rowLength)));
      sum3 = f32x4.add(sum3, f32x4.mul(value, v128.load32_splat(row + 3 * rowLength)));
      input += 16;
    }
    const target = projected + usize(output) * 16;
    v128.store(target, sum0);
    v128.store(target, sum1, 16);
    v128.store(target, sum2, 32);
    v128.store(target, sum3, 48);
  }
}

/** Norm of the components `from … to − 1` of four patches. */
function groupNorm(from: i32, to: i32): v128 {
  let sum = f32x4.splat(0);
  for (let index = from; index < to; index++) {
    const value = v128.load(projected + usize(index) * 16);
    sum = f32x4.add(sum, f32x4.mul(value, value));
  }
  return f32x4.sqrt(sum);
}

function quantise(value: v128, target: usize): void {
  v128.store(target, i32x4.trunc_sat_f32x4_s(f32x4.nearest(f32x4.mul(value, f32x4.splat(f32(inverseStep))))));
}

/**
 * The codes of four projected patches as int32: stage 1's ten values, then stage 2's 32. Missing components
 * are 0.
 */
function codeFour(): void {
  let target = codes;
  target = codeStage(target, firstComponents, firstSplit);
  codeStage(target, secondComponents, secondSplit);
}

function codeStage(target: usize, components: i32, split: i32): usize {
  for (let index = 0; index < components; index++) {
    quantise(index < dims ? v128.load(projected + usize(index) * 16) : f32x4.splat(0), target);
    target += 16;
  }
  quantise(groupNorm(min(components, dims), min(split, dims)), target);
  quantise(groupNorm(min(split, dims), dims), target + 16);
  return target + 32;
}

/** Copies the int16 values `from … from + features − 1` of one of the four coded patches to `target`. */
function storeCodes(target: usize, lane: i32, from: i32, features: i32): void {
  let source = codes + usize(from * 16 + lane * 4);
  for (const end = target + usize(features * 2); target < end; target += 2) {
    store<i16>(target, load<i16>(source));
    source += 16;
  }
}

/** Codes the staged patches, which are `first … first + length − 1` of the database. */
export function encodePatches(first: i32, length: i32): void {
  for (let at = 0; at < length; at += 4) {
    for (let lane = 0; lane < 4; lane++) {
      const source = staging + usize(min(at + lane, length - 1) * dims);
      for (let index = 0; index < dims; index++) {
        const value = f32(load<u8>(source + usize(index))) - load<f32>(mean + usize(index) * 4);
        store<f32>(inputs + usize(index * 16 + lane * 4), value);
      }
    }
    projectFour();
    codeFour();
    for (let lane = 0; lane < 4 && at + lane < length; lane++) {
      const patch = first + at + lane;
      const row = patches + usize(patch) * rowBytes;
      storeCodes(row, lane, 0, firstFeatures);
      store<i32>(row, patch, rowIndex);
      storeCodes(second + usize(patch) * 64, lane, firstFeatures, secondFeatures);
    }
  }
}

export function encodeQueries(length: i32): void {
  for (let at = 0; at < length; at += 4) {
    for (let lane = 0; lane < 4; lane++) {
      const source = queries + usize(min(at + lane, length - 1) * dims) * 4;
      for (let index = 0; index < dims; index++) {
        const value = load<f32>(source + usize(index) * 4) - load<f32>(mean + usize(index) * 4);
        store<f32>(inputs + usize(index * 16 + lane * 4), value);
      }
    }
    projectFour();
    codeFour();
    for (let lane = 0; lane < 4 && at + lane < length; lane++) {
      const query = usize(at + lane);
      storeCodes(queryFirst + query * 20, lane, 0, firstFeatures);
      storeCodes(querySecond + query * 64, lane, firstFeatures, secondFeatures);
    }
  }
}
