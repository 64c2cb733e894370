/** Weighted sums over all positions, channel by channel. */
import { float } from './windows.as';

/**
 * Writes the sums of the columns of `[rows, channels]`, each number times `weight`, to `sums`. Numbers are multiplied before they are
 * summed, so that a mean is finite where the numbers are.
 */
export function channelSum(x: usize, sums: usize, rows: i32, channels: i32, weight: f32): void {
  const row = <usize>channels * float;
  memory.fill(sums, 0, row);
  for (let first = 0; first < rows; first += block) {
    const some = min(rows - first, block);
    let channel: usize = 0;
    for (; channel + 32 <= row; channel += 32) addEight(x + channel, sums + channel, some, row, weight);
    for (; channel + 16 <= row; channel += 16) addFour(x + channel, sums + channel, some, row, weight);
    for (; channel < row; channel += 4) addOne(x + channel, sums + channel, some, row, weight);
    x += <usize>some * row;
  }
}

/** Sums of blocks are summed, which rounds less. */
const block: i32 = 256;

function addEight(x: usize, sums: usize, rows: i32, row: usize, weight: f32): void {
  const factor = f32x4.splat(weight);
  let left = f32x4.splat(0);
  let right = left;
  let otherLeft = left;
  let otherRight = left;
  let at = 0;
  for (; at + 2 <= rows; at += 2) {
    left = f32x4.add(left, f32x4.mul(factor, v128.load(x)));
    right = f32x4.add(right, f32x4.mul(factor, v128.load(x, 16)));
    x += row;
    otherLeft = f32x4.add(otherLeft, f32x4.mul(factor, v128.load(x)));
    otherRight = f32x4.add(otherRight, f32x4.mul(factor, v128.load(x, 16)));
    x += row;
  }
  if (at < rows) {
    left = f32x4.add(left, f32x4.mul(factor, v128.load(x)));
    right = f32x4.add(right, f32x4.mul(factor, v128.load(x, 16)));
  }
  v128.store(sums, f32x4.add(v128.load(sums), f32x4.add(left, otherLeft)));
  v128.store(sums, f32x4.add(v128.load(sums, 16), f32x4.add(right, otherRight)), 16);
}

function addFour(x: usize, sums: usize, rows: i32, row: usize, weight: f32): void {
  const factor = f32x4.splat(weight);
  let sum = f32x4.splat(0);
  for (let at = 0; at < rows; at++) {
    sum = f32x4.add(sum, f32x4.mul(factor, v128.load(x)));
    x += row;
  }
  v128.store(sums, f32x4.add(v128.load(sums), sum));
}

function addOne(x: usize, sums: usize, rows: i32, row: usize, weight: f32): void {
  let sum: f32 = 0;
  for (let at = 0; at < rows; at++) {
    sum += weight * load<f32>(x);
    x += row;
  }
  store<f32>(sums, load<f32>(sums) + sum);
}
