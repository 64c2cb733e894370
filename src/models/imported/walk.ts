import { elementCount } from '../../values/element-count.ts';

/** Places of the elements of a box, row-major, where one step along an axis moves by `steps`. */
export function* walk(
  extents: readonly number[],
  steps: readonly number[],
  start: number,
): Generator<number> {
  const count = elementCount(extents);
  const position = extents.map(() => 0);
  for (let index = 0, at = start; index < count; index++) {
    yield at;
    for (let axis = extents.length - 1; axis >= 0; axis--) {
      at += steps[axis]!;
      if (++position[axis]! < extents[axis]!) break;
      at -= extents[axis]! * steps[axis]!;
      position[axis] = 0;
    }
  }
}
