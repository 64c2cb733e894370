import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { editDistance, nearest } from '../../src/values/nearest.ts';
import { parseBytes, parseDuration, parseNumber, roundedInteger } from '../../src/dsl/text/scalars.ts';

describe('an integer that a double cannot hold', () => {
  it.each([
    ['9007199254740993', 9007199254740992],
    ['-9_007_199_254_740_993', -9007199254740992],
    ['+0x20000000000001', 2 ** 53],
    ['0o400000000000000001', 2 ** 53],
    ['12345678901234567890', 12345678901234567000],
  ])('%s is found, and no number', (text, rounded) => {
    expect(roundedInteger(text)).toBe(rounded);
    expect(parseNumber(text)).toBeUndefined();
  });

  it.each([
    '9007199254740992',
    '18446744073709551616',
    '-9007199254740991',
    '1e23',
    '0.12345678901234567890',
  ])('%s is none', (text) => expect(roundedInteger(text)).toBeUndefined());

  it('is any other than the one of which it is a double', () => {
    fc.assert(
      fc.property(fc.bigInt({ min: -(2n ** 70n), max: 2n ** 70n }), (integer) => {
        const isKept = BigInt(Number(integer)) === integer;
        expect(roundedInteger(String(integer))).toBe(isKept ? undefined : Number(integer));
      }),
    );
  });

  it('takes no time if it is long', () => {
    expect(roundedInteger('9'.repeat(1_000_000))).toBeUndefined();
  });
});

describe('a number', () => {
  it('may be a fraction, with underscores, or both', () => {
    expect(['8/255', '1_000_000', '-1/4', '0.5/255', '1e-3', ' 3 / 4 '].map(parseNumber)).toEqual([
      8 / 255,
      1_000_000,
      -0.25,
      0.5 / 255,
      0.001,
      0.75,
    ]);
  });

  it('is nothing else', () => {
    expect(['', 'x', '1/0', '1/2/3', '8/', '1e999', '0x10', '--1', '1 2'].map(parseNumber)).toEqual(
      Array(9).fill(undefined),
    );
  });

  it('is the same however the fraction is written', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: -9999, max: 9999 }),
        fc.integer({ min: 1, max: 9999 }),
        fc.integer({ min: 1, max: 9999 }),
        (a, b, k) => {
          expect(parseNumber(`${a * k}/${b * k}`)).toBe(parseNumber(`${a}/${b}`));
          expect(parseNumber(`${a / 8}/${b}`)).toBe(parseNumber(`${a}/${b * 8}`));
        },
      ),
    );
  });

  it('is the double nearest to a decimal fraction of decimals', () => {
    expect(parseNumber('0.1/3')).toBe(1 / 30);
    expect(parseNumber('0.3/0.1')).toBe(3);
  });
});

describe('sizes and durations', () => {
  it('are bytes and milliseconds', () => {
    expect(['6GiB', '512MiB', '10GB', '1.5 KiB', '100B'].map(parseBytes)).toEqual([
      6 * 2 ** 30,
      512 * 2 ** 20,
      1e10,
      1536,
      100,
    ]);
    expect(['30m', '90s', '1h30m', '250ms', '1.5h', '1d'].map(parseDuration)).toEqual([
      1_800_000, 90_000, 5_400_000, 250, 5_400_000, 86_400_000,
    ]);
  });

  it('have a unit that is known', () => {
    expect(['6', '6 gigs', 'GiB', '-1GiB'].map(parseBytes)).toEqual(Array(4).fill(undefined));
    expect(['30', '30 minutes', 'm', '-5s', '1h 30'].map(parseDuration)).toEqual(Array(5).fill(undefined));
  });
});

describe('did you mean', () => {
  it('counts a swap of neighbours as one mistake', () => {
    expect(editDistance('attakc', 'attack')).toBe(1);
    expect(editDistance('', 'abc')).toBe(3);
    expect(editDistance('lamda', 'lambda')).toBe(1);
  });

  it('finds the near word and stays silent about far ones and numbers', () => {
    expect(nearest('lamda', ['keep', 'lambda'])).toBe('lambda');
    expect(nearest('step_size', ['steps', 'stepSize'])).toBe('stepSize');
    expect(nearest('zebra', ['keep', 'lambda'])).toBeUndefined();
    expect(nearest('0.08', ['0.06'])).toBeUndefined();
  });

  it('is a metric on short words: symmetric, and zero only for equal words', () => {
    const word = fc.string({ maxLength: 8 });
    fc.assert(
      fc.property(word, word, (a, b) => {
        expect(editDistance(a, b)).toBe(editDistance(b, a));
        expect(editDistance(a, b) === 0).toBe(a === b);
      }),
    );
  });
});
