import type { Work } from '../../values/outline.ts';
import type { UnitWork } from '../events.ts';

/** Seconds of operations on a backend, and where they were measured. */
export interface BackendRates {
  /** Processor seconds of one operation, by its name. */
  readonly secondsPer: Readonly<Record<string, number>>;
  /** Processor seconds of the start of a worker. */
  readonly startSeconds: number;
  /** Resident bytes of a worker that has opened the backend and computes next to nothing. */
  readonly workerBytes: number;
  /** Processor seconds that a worker spends in a second of wall-clock time: the threads that it really uses. */
  readonly threads: number;
}

export interface Rates {
  readonly source: {
    /** The processor. */
    readonly machine: string;
    readonly date: string;
    /** The commands whose ledgers were read. */
    readonly runs: readonly string[];
    readonly units: number;
  };
  readonly backends: Readonly<Record<string, BackendRates>>;
}

/** Seconds of a unit with this number of images; null if the seconds of one of its operations are not known. */
export function secondsOf(
  { perImage, perUnit }: Pick<UnitWork, 'perImage' | 'perUnit'>,
  images: number,
  secondsPer: Readonly<Record<string, number>>,
): number | null {
  const each = workSeconds(perImage, secondsPer);
  const once = workSeconds(perUnit, secondsPer);
  return each === null || once === null ? null : once + images * each;
}

/** Whether a unit does any of these operations. */
export function usesAny(
  { perImage, perUnit }: Pick<UnitWork, 'perImage' | 'perUnit'>,
  secondsPer: Readonly<Record<string, number>>,
): boolean {
  return [...Object.keys(perImage), ...Object.keys(perUnit)].some((name) => name in secondsPer);
}

/** Seconds of those operations of a unit that these rates have. */
export function secondsOfKnown(
  { perImage, perUnit }: Pick<UnitWork, 'perImage' | 'perUnit'>,
  images: number,
  secondsPer: Readonly<Record<string, number>>,
): number {
  const known = (work: Work): number =>
    Object.entries(work).reduce((sum, [name, amount]) => sum + amount * (secondsPer[name] ?? 0), 0);
  return known(perUnit) + images * known(perImage);
}

function workSeconds(work: Work, secondsPer: Readonly<Record<string, number>>): number | null {
  let seconds = 0;
  for (const [name, amount] of Object.entries(work)) {
    const rate = secondsPer[name];
    if (rate === undefined) return null;
    seconds += amount * rate;
  }
  return seconds;
}

/** A graphics card of which nothing was measured, and what is assumed of it. */
export interface AssumedCard {
  readonly name: string;
  /** Float32 operations in a second outside of tensor cores, by its maker; a multiply-add is two. */
  readonly peak: number;
  /** The share of the peak that networks reach. */
  readonly share: number;
  /** Seconds of a call of a network, however few the images are. */
  readonly callSeconds: number;
}

export const assumedCards: Readonly<Record<string, AssumedCard>> = {
  v100: { name: 'NVIDIA V100 SXM2', peak: 15.7e12, share: 0.25, callSeconds: 0.02 },
  a100: { name: 'NVIDIA A100 SXM4', peak: 19.5e12, share: 0.25, callSeconds: 0.02 },
  h100: { name: 'NVIDIA H100 SXM5', peak: 67e12, share: 0.25, callSeconds: 0.02 },
};

/** Forward passes that a pass is worth: a backward pass is one to the pixels, and another one to the weights. */
const forwardPasses = { forward: 1, gradient: 2, training: 3 } as const;

/** The operations that a graphics card computes, and their seconds on it. */
export function cardSeconds({ peak, share, callSeconds }: AssumedCard): Readonly<Record<string, number>> {
  const multiplyAdd = 2 / (peak * share);
  return {
    ...Object.fromEntries(Object.entries(forwardPasses).map(([pass, times]) => [pass, times * multiplyAdd])),
    'network call': callSeconds,
    'training step': callSeconds,
    'update parameters': 4 * multiplyAdd,
  };
}
