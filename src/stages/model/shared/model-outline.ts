import { countOperations } from '../../../models/count-operations.ts';
import type { Network } from '../../../values/model.ts';
import type { Outline } from '../../../values/outline.ts';

/** The outline of a stage that makes a model with this network. */
export function modelOutline(network: Network): Outline {
  const operations = countOperations(network);
  return {
    perImage: {},
    perUnit: { 'make parameters': operations.parameters },
    out: { model: { kind: 'model', ...operations, classes: network.classes } },
    memoryBytes: 0,
  };
}
