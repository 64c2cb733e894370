import { StageError } from '../../../runtime/stage.ts';

/**
 * The number of images that an `offset` leaves of `available` ones. Throws `StageError` if it leaves none.
 */
export function afterOffset(available: number, offset: number, container: string, file: string): number {
  if (offset < available) return available - offset;
  throw new StageError(`offset ${offset} leaves no images: the ${container} has ${available}`, {
    code: 'bad-data',
    file,
    fix: `use an offset below ${available}`,
  });
}
