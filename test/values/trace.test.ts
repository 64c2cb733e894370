import { describe, expect, it } from 'vitest';
import { attackedImages } from './attacked-images.ts';
import { decodeValue, encodeValue } from '../../src/values/codec.ts';
import { concatValues, sliceValue } from '../../src/values/slices.ts';
import { cutTrace, joinTraces, type Trace } from '../../src/values/trace.ts';
import { verifyValue } from '../../src/values/verify.ts';

/** Three images with 2, 1 and 3 entries. */
const trace: Trace = {
  norm: 'l2',
  loss: 'margin',
  lengths: Int32Array.of(2, 1, 3),
  steps: Int32Array.of(0, 1, 0, 0, 1, 2),
  losses: Float32Array.of(1, 2, 3, 4, NaN, 6),
  margins: Float32Array.of(-1, 1, 2, -3, -2, -1),
  distances: Float32Array.of(0, 0.5, 0, 0, 0.25, 0.75),
  bestLosses: Float32Array.of(1, 2, 3, 4, 4, 6),
  bestDistances: Float32Array.of(Infinity, 0.5, 0, Infinity, Infinity, Infinity),
  reached: Uint8Array.of(0, 1, 1, 0, 2, 0),
};

const attacked = (trace?: Trace) => attackedImages({ ...(trace && { trace }) });

describe('the trace of an attack', () => {
  it('is cut by the entries of the images, and joined again', () => {
    expect(cutTrace(trace, 1, 3)).toEqual({
      norm: 'l2',
      loss: 'margin',
      lengths: Int32Array.of(1, 3),
      steps: Int32Array.of(0, 0, 1, 2),
      losses: Float32Array.of(3, 4, NaN, 6),
      margins: Float32Array.of(2, -3, -2, -1),
      distances: Float32Array.of(0, 0, 0.25, 0.75),
      bestLosses: Float32Array.of(3, 4, 4, 6),
      bestDistances: Float32Array.of(0, Infinity, Infinity, Infinity),
      reached: Uint8Array.of(1, 0, 2, 0),
    });
    expect(joinTraces([cutTrace(trace, 0, 1), cutTrace(trace, 1, 2), cutTrace(trace, 2, 3)])).toEqual(trace);
    expect(cutTrace(trace, 1, 1).steps.length).toBe(0);
  });

  it('is stored, cut and joined with its images', () => {
    const whole = attacked(trace);
    expect(decodeValue('images', encodeValue(whole))).toEqual(whole);
    expect(concatValues([sliceValue(whole, 0, 2), sliceValue(whole, 2, 1)])).toEqual(whole);
  });

  it('is dropped when it is joined with images that have none or another', () => {
    for (const other of [
      attacked(),
      attacked({ ...trace, norm: 'linf' }),
      attacked({ ...trace, loss: 'dlr' }),
    ])
      expect(concatValues([attacked(trace), other]).perturbation!.trace).toBeUndefined();
  });

  it('changes no byte of images without one', () => {
    const bytes = encodeValue(attacked());
    expect(Buffer.from(bytes).includes('trace')).toBe(false);
    expect(decodeValue('images', bytes)).toEqual(attacked());
  });

  it('is verified', () => {
    const verified = (of: Trace): void => verifyValue({ ...attacked(of) }, 'images', 'the images');
    verified(trace);
    expect(() => verified({ ...trace, lengths: Int32Array.of(2, 1) })).toThrow('is of 2 images, not 3');
    expect(() => verified({ ...trace, lengths: Int32Array.of(2, 1, 4) })).toThrow('6 steps for 7 entries');
    expect(() => verified({ ...trace, margins: new Float32Array(5) })).toThrow('5 margins for 6 entries');
    expect(() => verified({ ...trace, losses: new Float64Array(6) as never })).toThrow('not a Float32Array');
    expect(() => verified({ ...trace, norm: 'l7' as never })).toThrow('has no norm or no loss');
  });
});
