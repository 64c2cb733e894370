import { StageError } from '../../runtime/stage.ts';
import { counted } from '../../values/counted.ts';

interface Identified {
  readonly ids: Int32Array;
}

/** Throws `StageError` unless two values are for the same images in the same order. */
export function checkPaired(a: Identified, nameA: string, b: Identified, nameB: string): void {
  const fix = 'make both from the same dataset with the same limit';
  if (a.ids.length !== b.ids.length) {
    throw new StageError(
      `'${nameA}' has ${counted(a.ids.length, 'image')} and '${nameB}' has ${b.ids.length}`,
      {
        code: 'bad-data',
        fix,
      },
    );
  }
  const wrong = a.ids.findIndex((id, index) => id !== b.ids[index]);
  if (wrong >= 0) {
    throw new StageError(
      `image ${wrong} of '${nameA}' has id ${a.ids[wrong]!}, but id ${b.ids[wrong]!} in '${nameB}': they do not pair up`,
      { code: 'bad-data', fix },
    );
  }
}
