import { chainCut } from './chain-cut.ts';
import { maxFlowCut } from './max-flow-cut.ts';
import type { Labels, Overlap } from './seam.ts';

/**
 * The labels of lowest cost, exactly: by dynamic programming if the free pixels are a chain, as for an
 * overlap of 2, otherwise by maximum flow.
 */
export function minimumCut(overlap: Overlap): Labels {
  return overlap.top <= 2 && overlap.left <= 2 ? chainCut(overlap) : maxFlowCut(overlap);
}
