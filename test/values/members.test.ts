import { describe, expect, it } from 'vitest';
import { attackedImages } from './attacked-images.ts';
import { decodeValue, encodeValue } from '../../src/values/codec.ts';
import type { MemberOutcomes } from '../../src/values/images.ts';
import { concatValues, sliceValue } from '../../src/values/slices.ts';
import { verifyValue } from '../../src/values/verify.ts';

const attacked = (members?: MemberOutcomes) => attackedImages({ ...(members && { members }) });

const outcomes = {
  names: ['apgd-ce', 'square'],
  by: Int32Array.of(0, 1, -1),
  rightShare: Float32Array.of(0, 0.25, 1),
};
const verified = (members: MemberOutcomes): void =>
  verifyValue({ ...attacked(members) }, 'images', 'the images');

describe('the outcomes of an ensemble', () => {
  it('are stored, cut and joined with their images', () => {
    const whole = attacked(outcomes);
    expect(decodeValue('images', encodeValue(whole))).toEqual(whole);
    const parts = [sliceValue(whole, 0, 2), sliceValue(whole, 2, 1)];
    expect(parts[1]!.perturbation!.members).toEqual({
      names: outcomes.names,
      by: Int32Array.of(-1),
      rightShare: Float32Array.of(1),
    });
    expect(concatValues(parts)).toEqual(whole);
  });

  it('are dropped when images of other attacks are joined', () => {
    const other = attacked({ ...outcomes, names: ['fab', 'square'] });
    expect(concatValues([attacked(outcomes), other]).perturbation!.members).toBeUndefined();
    expect(concatValues([attacked(outcomes), attacked()]).perturbation!.members).toBeUndefined();
  });

  it('change no byte of images without them', () => {
    const bytes = encodeValue(attacked());
    expect(decodeValue('images', bytes)).toEqual(attacked());
    expect(Buffer.from(bytes).includes('members')).toBe(false);
    expect(Buffer.from(encodeValue(attacked(outcomes))).includes('members')).toBe(true);
  });

  it('are verified', () => {
    verified(outcomes);
    expect(() => verified({ ...outcomes, by: Int32Array.of(0, 2, -1) })).toThrow(
      'is not an index of its names',
    );
    expect(() => verified({ ...outcomes, rightShare: Float32Array.of(0, 2, 0) })).toThrow('is not in [0, 1]');
    expect(() => verified({ ...outcomes, by: Int32Array.of(0) })).toThrow('perturbation.members.by');
    expect(() => verified({ ...outcomes, names: [1] as never })).toThrow('are not a list of texts');
  });
});
