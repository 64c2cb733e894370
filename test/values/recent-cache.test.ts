import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { identityOf, RecentCache } from '../../src/values/recent-cache.ts';

describe('RecentCache', () => {
  it('lets the least recently used values go, and says which', () => {
    const gone: string[] = [];
    const cache = new RecentCache<string>({ limit: 2, dispose: (value) => gone.push(value) });
    cache.set('a', 'A');
    cache.set('b', 'B');
    expect(cache.get('a')).toBe('A');
    cache.set('c', 'C');
    expect(gone).toEqual(['B']);
    expect([cache.get('a'), cache.get('b'), cache.get('c')]).toEqual(['A', undefined, 'C']);
  });

  it('keeps no value that is larger than the limit, and lets nothing go for it', () => {
    const cache = new RecentCache<string>({ limit: 10 });
    cache.set('small', 's', 4);
    cache.set('huge', 'h', 11);
    expect([cache.get('small'), cache.get('huge')]).toEqual(['s', undefined]);
  });

  it('never holds more than its limit, and disposes of each value once', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.nat(6), fc.integer({ min: 1, max: 5 }))), (calls) => {
        const held = new Map<string, number>();
        const cache = new RecentCache<{ key: string; size: number }>({
          limit: 9,
          dispose: ({ key }) => expect(held.delete(key)).toBe(true),
        });
        for (const [name, size] of calls) {
          const key = String(name);
          if (cache.get(key) === undefined) {
            held.set(key, size);
            cache.set(key, { key, size }, size);
          }
          expect([...held.values()].reduce((sum, value) => sum + value, 0)).toBeLessThanOrEqual(9);
        }
      }),
    );
  });
});

describe('identityOf', () => {
  it('is the same for one object and differs between two', () => {
    const [one, other] = [{}, {}];
    expect(identityOf(one)).toBe(identityOf(one));
    expect(identityOf(one)).not.toBe(identityOf(other));
  });
});
