/** Finds the published architecture that weights are of, by the names and shapes of the tensors. */
import type { ArchitectureName } from '../architectures/zoo.ts';
import { zoo } from '../architectures/zoo.ts';
import { weightShapes } from '../network.ts';
import { torchShapes } from './import-weights.ts';
import type { WeightFile } from './read.ts';

/** A size of images that every architecture takes; no weights depend on it, but for those of vgg16. */
const size = 224;

/**
 * The architecture and the number of classes that a file has weights of; null if none has tensors of these names. If several
 * have, it is the first whose shapes fit too.
 */
export function recognizeArchitecture(
  file: WeightFile,
): { readonly name: ArchitectureName; readonly classes: number } | null {
  let named: { readonly name: ArchitectureName; readonly classes: number } | null = null;
  for (const name of Object.keys(zoo) as ArchitectureName[]) {
    const shapes = shapesOf(file, name);
    const expected = expectedShapes(name, file.layout, 10);
    const [last] = [...expected.keys()].filter((key) => key.endsWith('.weight')).slice(-1);
    if (shapes.size !== expected.size || ![...expected.keys()].every((key) => shapes.has(key))) continue;
    const scores = shapes.get(last!)!;
    const classes = (file.layout === 'torch' ? scores[0] : scores.at(-1)) ?? 0;
    if (classes < 2) continue;
    named ??= { name, classes };
    const fitting = [...expectedShapes(name, file.layout, classes)];
    if (fitting.every(([key, shape]) => shapes.get(key)!.join() === shape.join())) return { name, classes };
  }
  return named;
}

/** The shapes of the file under the names of an architecture. */
function shapesOf({ tensors }: WeightFile, name: ArchitectureName): ReadonlyMap<string, readonly number[]> {
  const { rename = (own: string) => own, ignored = [] } = zoo[name];
  return new Map(
    [...tensors]
      .filter(
        ([key]) => !key.endsWith('.num_batches_tracked') && !ignored.some((prefix) => key.startsWith(prefix)),
      )
      .map(([key, { shape }]) => [rename(key), shape]),
  );
}

function expectedShapes(
  name: ArchitectureName,
  layout: WeightFile['layout'],
  classes: number,
): ReadonlyMap<string, readonly number[]> {
  const network = zoo[name].build({ size, classes });
  return layout === 'torch' ? torchShapes(network) : weightShapes(network);
}
