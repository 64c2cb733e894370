import { ahead, halfBytes, height, inside, padding, planeBytes, rowAt, span, target, u } from './layout.as';

/** The start: kept pixels as they are, a dropped one the 3×3 mean (weights 1 2 1) of the kept around it, ½ where there are none. */
export function fillDropped(): void {
  const zero = f32x4.splat(0);
  // The padding of `target` is 0, which would count as kept: weigh by `inside`, whose rows above and below do not exist.
  for (let y = 0; y < height; y++) {
    for (let odd = 0; odd < 2; odd++) {
      const half = odd ? halfBytes : 0;
      const left = odd ? 0 : halfBytes - 4;
      for (let i: usize = 0; i < span; i += 16) {
        let sum = zero;
        let weight = zero;
        for (let dy = max(-1, -y); dy <= min(1, height - 1 - y); dy++) {
          const row = target + rowAt(y + dy);
          const valid = inside + padding;
          const centre = v128.load(row + half + i);
          const west = v128.load(row + left + i);
          const east = v128.load(row + left + 4 + i);
          const vertical = f32x4.splat(dy == 0 ? 2 : 1);
          const keptCentre = f32x4.mul(
            v128.and(f32x4.ge(centre, zero), f32x4.splat(2)),
            f32x4.mul(vertical, v128.load(valid + half + i)),
          );
          const keptWest = v128.and(f32x4.ge(west, zero), f32x4.mul(vertical, v128.load(valid + left + i)));
          const keptEast = v128.and(
            f32x4.ge(east, zero),
            f32x4.mul(vertical, v128.load(valid + left + 4 + i)),
          );
          sum = f32x4.add(
            sum,
            f32x4.add(
              f32x4.mul(keptCentre, centre),
              f32x4.add(f32x4.mul(keptWest, west), f32x4.mul(keptEast, east)),
            ),
          );
          weight = f32x4.add(weight, f32x4.add(keptCentre, f32x4.add(keptWest, keptEast)));
        }
        const here = rowAt(y) + half + i;
        const own = v128.load(target + here);
        const mean = v128.bitselect(f32x4.div(sum, weight), f32x4.splat(0.5), f32x4.gt(weight, zero));
        const start = v128.bitselect(own, mean, f32x4.ge(own, zero));
        const first = f32x4.mul(start, v128.load(inside + padding + half + i));
        v128.store(u + here, first);
        v128.store(ahead + here, first);
      }
    }
  }
}

/** The start where every pixel was kept. */
export function startFromTarget(): void {
  memory.copy(u, target, planeBytes);
  memory.copy(ahead, target, planeBytes);
}
