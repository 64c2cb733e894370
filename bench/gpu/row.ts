/** What the parts of gpu.ts share. */

export interface Row {
  readonly what: string;
  readonly value: number;
  readonly unit: string;
  readonly note?: string;
}

export interface Given {
  readonly backend: string;
  /** Folder with CIFAR-10 and a ResNet-20; null for random images and weights. */
  readonly data: string | null;
  readonly small: boolean;
}

export type Report = (row: Row) => void;
export type Part = (given: Given, report: Report) => Promise<void>;

export interface Times {
  /** Milliseconds of the first call, which compiles shaders. */
  readonly first: number;
  /** Milliseconds of a later one, by the clock: the median. */
  readonly wall: number;
  /** Milliseconds of a later one, of the processor. */
  readonly cpu: number;
  readonly rounds: number;
}

/** Times calls after the first two, for half a second or 50 of them, three at least. */
export async function timesOf(work: () => Promise<void>, milliseconds = 500): Promise<Times> {
  const clock = async (): Promise<number> => {
    const start = performance.now();
    await work();
    return performance.now() - start;
  };
  const first = await clock();
  const second = await clock();
  // What takes seconds is timed once more, not three times.
  const least = second > 3 * milliseconds ? 1 : 3;
  const taken: number[] = [];
  const begun = performance.now();
  const before = process.cpuUsage();
  while (taken.length < least || (taken.length < 50 && performance.now() - begun < milliseconds))
    taken.push(await clock());
  const { user, system } = process.cpuUsage(before);
  const wall = taken.sort((a, b) => a - b)[Math.floor(taken.length / 2)]!;
  return { first, wall, cpu: (user + system) / 1000 / taken.length, rounds: taken.length };
}

/** What failed is a row too, and the next measurement goes on. */
export async function orFailure(what: string, report: Report, work: () => Promise<void>): Promise<void> {
  try {
    await work();
  } catch (error) {
    report({ what, value: NaN, unit: '', note: `FAILED: ${String(error).slice(0, 400)}` });
  }
}

/** The largest difference, and that over the largest expected value. */
export function differenceOf(
  actual: ArrayLike<number>,
  expected: ArrayLike<number>,
): { readonly worst: number; readonly relative: number; readonly signs: number } {
  let [worst, scale, signs] = [0, 0, 0];
  for (let index = 0; index < expected.length; index++) {
    const apart = Math.abs(actual[index]! - expected[index]!);
    // NaN is the largest difference of all.
    if (!(apart <= worst)) worst = apart;
    scale = Math.max(scale, Math.abs(expected[index]!));
    if (Math.sign(actual[index]!) !== Math.sign(expected[index]!)) signs++;
  }
  return { worst, relative: worst / scale, signs: signs / expected.length };
}
