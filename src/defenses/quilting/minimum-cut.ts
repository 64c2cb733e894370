import { chainCut } from './chain-cut.ts';
import { maxFlowCut } from './max-flow-cut.ts';
import type { Labels, Overlap } from './seam.ts';

/**
 * The labels of least cost. Exact: where the free pixels are a chain, which is so for an overlap of 2, by dynamic programming,
 * otherwise by maximum flow.
 */
export function minimumCut(overlap: Overlap): Labels {
  return overlap.top <= 2 && overlap.left <= 2 ? chainCut(overlap) : maxFlowCut(overlap);
}
