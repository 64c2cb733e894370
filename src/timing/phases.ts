/**
 * The time of a process is divided into phases, and each moment belongs to one of them. The innermost phase
 * counts, so that the phases add up to all of the time. Entering and leaving one takes two readings of the
 * monotonic clock, a third of a microsecond in all.
 */

/**
 * `read`: reading inputs from the disk and verifying them; `codec`: decoding and encoding; `open`: loading and
 * opening a backend; `backend`: inside the backend, or waiting for its device; `kernels`: in our WebAssembly
 * kernels; `write`: writing outputs, durably; `javascript`: the rest.
 */
export const phases = ['read', 'codec', 'open', 'backend', 'kernels', 'javascript', 'write'] as const;

export type Phase = (typeof phases)[number];
export type PhaseSeconds = Readonly<Record<Phase, number>>;

const spent = emptySeconds();
/** Phases of promises that are still pending, which count while nothing else does. */
const awaited: Phase[] = [];
let depth = 0;
let current: Phase = 'javascript';
let since = performance.now();

/** Counts the time of `work` as that of a phase. A promise that it returns is not waited for. */
export function inPhase<Result>(phase: Phase, work: () => Result): Result {
  const before = enter(phase);
  try {
    return work();
  } finally {
    leave(before);
  }
}

/** Counts the time until the promise is fulfilled or rejected as that of a phase, but for what other phases take meanwhile. */
export async function whileAwaiting<Result>(phase: Phase, work: () => Promise<Result>): Promise<Result> {
  awaited.push(phase);
  if (depth === 0) turnTo(phase);
  try {
    return await work();
  } finally {
    awaited.splice(awaited.lastIndexOf(phase), 1);
    if (depth === 0) turnTo(outermost());
  }
}

/** The same function, each call of which counts as a phase. */
export function timed<Parameters extends unknown[], Result>(
  phase: Phase,
  called: (...parameters: Parameters) => Result,
): (...parameters: Parameters) => Result {
  return function timedCall(this: unknown, ...parameters) {
    const before = enter(phase);
    try {
      return called.apply(this, parameters);
    } finally {
      leave(before);
    }
  };
}

/** Begins to measure. The result returns the seconds of each phase since then. */
export function measurePhases(): () => PhaseSeconds {
  turnTo(current);
  const begun = { ...spent };
  return () => {
    turnTo(current);
    const seconds = emptySeconds();
    for (const phase of phases) seconds[phase] = (spent[phase] - begun[phase]) / 1000;
    return seconds;
  };
}

function enter(phase: Phase): Phase {
  const before = current;
  depth++;
  turnTo(phase);
  return before;
}

function leave(before: Phase): void {
  depth--;
  turnTo(depth === 0 ? outermost() : before);
}

function outermost(): Phase {
  return awaited.at(-1) ?? 'javascript';
}

function turnTo(phase: Phase): void {
  const now = performance.now();
  spent[current] += now - since;
  since = now;
  current = phase;
}

function emptySeconds(): Record<Phase, number> {
  return { read: 0, codec: 0, open: 0, backend: 0, kernels: 0, javascript: 0, write: 0 };
}
