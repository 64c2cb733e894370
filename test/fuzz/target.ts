/** What a fuzzed reader is, and the promises that every input is held against. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { randomStream } from '../../src/tensors/random.ts';
import type { RandomStream } from '../../src/tensors/random.ts';

export interface FuzzTarget {
  readonly name: string;
  /** The input of a random stream. */
  readonly make: (random: RandomStream) => Uint8Array;
  /** Reads an input. Throws `Broken` where a promise of its own is broken. */
  readonly run: (bytes: Uint8Array) => unknown;
  /** What the reader may throw. */
  readonly documented: readonly (new (...parameters: never[]) => Error)[];
  readonly close?: () => void;
}

/** Opens files of its own where the reader reads files. */
export type OpenTarget = () => FuzzTarget | Promise<FuzzTarget>;

/** A promise that is no matter of error types is broken: a path outside the root, say. */
export class Broken extends Error {
  override readonly name = 'Broken';
}

export interface Finding {
  readonly target: string;
  /** Number of the input, or the name of its file in the corpus. */
  readonly input: number | string;
  readonly problem: string;
  readonly bytes: Uint8Array;
}

export const limits = { milliseconds: 1000, kibibytes: 500 * 1024 } as const;

/** The n-th input of a target: a function of seed and n, so that a finding is made again without the run that found it. */
export function inputOf(target: FuzzTarget, seed: number, index: number): Uint8Array {
  return target.make(randomStream([seed, index], 9));
}

export interface Judgement {
  readonly mostMilliseconds?: number;
  /** Processor time of this process so far: unlike the clock it stands still while the machine does something else. */
  readonly processorMilliseconds?: () => number;
}

/** No judgement of time, for tests: a processor that shares its core with other jobs, or is throttled, counts more for the same work. */
export const untimed: Judgement = { mostMilliseconds: Infinity };

function ownProcessorMilliseconds(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
}

/**
 * Runs one input; null, or what is wrong with it. Memory is the growth of the largest resident size, so it counts only what exceeds all
 * inputs before.
 */
export async function problemOf(
  target: FuzzTarget,
  bytes: Uint8Array,
  {
    mostMilliseconds = limits.milliseconds,
    processorMilliseconds = ownProcessorMilliseconds,
  }: Judgement = {},
): Promise<string | null> {
  const startedAt = processorMilliseconds();
  const heldBefore = process.resourceUsage().maxRSS;
  try {
    await target.run(bytes);
  } catch (error) {
    if (!target.documented.some((kind) => error instanceof kind))
      return error instanceof Error ? (error.stack ?? error.message) : `thrown: ${String(error)}`;
  }
  const milliseconds = processorMilliseconds() - startedAt;
  if (milliseconds > mostMilliseconds) return `it took ${milliseconds.toFixed(0)} ms`;
  const kibibytes = process.resourceUsage().maxRSS - heldBefore;
  if (kibibytes > limits.kibibytes) return `it took ${(kibibytes / 1024).toFixed(0)} MiB`;
  if (Object.keys(Object.prototype).length + Object.keys(Array.prototype).length > 0)
    return 'a prototype was changed';
  return null;
}

export interface FuzzOptions extends Judgement {
  readonly seed: number;
  readonly count: number;
  readonly first?: number;
  readonly onInput?: (index: number) => void;
}

/** Inputs `first … first + count − 1`. `onInput` hears the number of each before it runs. */
export async function fuzz(
  target: FuzzTarget,
  { seed, count, first = 0, onInput, ...judgement }: FuzzOptions,
): Promise<readonly Finding[]> {
  const findings: Finding[] = [];
  const known = new Set<string>();
  for (let index = first; index < first + count; index++) {
    onInput?.(index);
    const bytes = inputOf(target, seed, index);
    const problem = await problemOf(target, bytes, judgement);
    // The same line of ours throws for many inputs: one of them says it all.
    const kind = problem?.replace(/\d+/g, '#').split('\n').slice(0, 2).join();
    if (problem === null || known.has(kind!)) continue;
    known.add(kind!);
    findings.push({ target: target.name, input: index, problem, bytes });
  }
  return findings;
}

/** Inputs that once broke a promise, or are made to by hand. */
export function keptInputs(target: string): readonly { readonly name: string; readonly bytes: Uint8Array }[] {
  // From the root of the project: the bundle of `npm run soak` lies elsewhere.
  const folder = `test/fuzz/corpus/${target}`;
  if (!existsSync(folder)) return [];
  return readdirSync(folder)
    .sort()
    .map((name) => ({ name, bytes: readFileSync(`${folder}/${name}`) }));
}
