/**
 * One-sided sign test on pairs (the exact form of McNemar 1947): the probability of at least `gained` heads in
 * `gained + lost` throws of a fair coin. `gained` counts the images that only the second of two classifiers has right, `lost`
 * those that only the first has right; a small value means that the second is really better. Throws `RangeError` unless both
 * are whole numbers from 0 on.
 */
export function signTest(gained: number, lost: number): number {
  for (const count of [gained, lost]) {
    if (!Number.isInteger(count) || count < 0) throw new RangeError(`there cannot be ${count} images`);
  }
  const throws = gained + lost;
  let logChoose = 0;
  let sum = 0;
  // From the upper end, where the terms are small: C(throws, k) for k = throws … gained.
  for (let heads = throws; heads >= gained; heads--) {
    sum += Math.exp(logChoose - throws * Math.LN2);
    logChoose += Math.log(heads) - Math.log(throws - heads + 1);
  }
  return Math.min(1, sum);
}
