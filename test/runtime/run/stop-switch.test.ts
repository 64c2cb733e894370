import { expect, test } from 'vitest';
import { StopSwitch } from '../../../src/runtime/run/stop-switch.ts';

const stateOf = ({ isOff, stopped, interrupted }: StopSwitch): unknown => ({ isOff, stopped, interrupted });

test('a run goes on until a failure stops it or its user interrupts it', () => {
  const drain = new AbortController();
  const byFailure = new StopSwitch();
  const byUser = new StopSwitch(drain.signal);
  expect(stateOf(byFailure)).toEqual({ isOff: false, stopped: false, interrupted: false });
  byFailure.stop('one');
  byFailure.stop('two');
  byFailure.forgive('one');
  expect(stateOf(byFailure)).toEqual({ isOff: true, stopped: true, interrupted: false });
  byFailure.forgive('two');
  expect(stateOf(byFailure)).toEqual({ isOff: false, stopped: false, interrupted: false });
  drain.abort();
  expect(stateOf(byUser)).toEqual({ isOff: true, stopped: false, interrupted: true });
  expect(stateOf(new StopSwitch(undefined, AbortSignal.abort()))).toEqual({
    isOff: true,
    stopped: false,
    interrupted: true,
  });
});
