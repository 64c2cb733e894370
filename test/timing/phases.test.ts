import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { inPhase, measurePhases, type PhaseSeconds, timed, whileAwaiting } from '../../src/timing/phases.ts';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

const pass = (seconds: number): void => void vi.advanceTimersByTime(1000 * seconds);

/** The phases that took any time. */
function spent(seconds: PhaseSeconds): Partial<PhaseSeconds> {
  return Object.fromEntries(Object.entries(seconds).filter(([, value]) => value > 0));
}

it('the innermost phase counts, and the rest is JavaScript', () => {
  const measured = measurePhases();
  pass(1);
  inPhase('codec', () => {
    pass(2);
    inPhase('read', () => pass(4));
    pass(8);
  });
  pass(16);
  expect(spent(measured())).toEqual({ javascript: 17, codec: 10, read: 4 });
});

it('a phase ends with an error too', () => {
  const measured = measurePhases();
  const fail = (): never => {
    pass(1);
    throw new Error('no');
  };
  expect(() => inPhase('write', fail)).toThrow('no');
  pass(2);
  expect(spent(measured())).toEqual({ write: 1, javascript: 2 });
});

it('a timed function gives what the function gives, with its own this', () => {
  const measured = measurePhases();
  const counter = {
    step: 2,
    add: timed('kernels', function (this: { step: number }, to: number) {
      pass(3);
      return to + this.step;
    }),
  };
  expect(counter.add(5)).toBe(7);
  expect(spent(measured())).toEqual({ kernels: 3 });
});

it('waiting counts until the promise is fulfilled, but for what other phases take meanwhile', async () => {
  const measured = measurePhases();
  const first = deferred();
  const second = deferred();
  const slow = whileAwaiting('backend', () => first.promise);
  const quick = whileAwaiting('write', () => second.promise);
  pass(1);
  inPhase('kernels', () => pass(2));
  // The one that began first ends last.
  second.resolve(2);
  expect(await quick).toBe(2);
  pass(4);
  first.resolve(1);
  expect(await slow).toBe(1);
  pass(8);
  expect(spent(measured())).toEqual({ write: 1, kernels: 2, backend: 4, javascript: 8 });
});

it('two measurements do not disturb each other', () => {
  const outer = measurePhases();
  pass(1);
  const inner = measurePhases();
  inPhase('read', () => pass(2));
  expect(spent(inner())).toEqual({ read: 2 });
  expect(spent(outer())).toEqual({ read: 2, javascript: 1 });
});

function deferred(): { readonly promise: Promise<number>; readonly resolve: (value: number) => void } {
  let resolve: (value: number) => void = () => undefined;
  const promise = new Promise<number>((done) => (resolve = done));
  return { promise, resolve };
}
