import { type Labels, type Overlap, tiedCosts, tiedLabels } from './seam.ts';

/**
 * Minimum cut for an overlap that is at most 2 wide. Its outer line belongs to the old image and the core to
 * the tile, so the free pixels are its inner line: up the column beside the core, then along the row above
 * it. Viterbi's recursion over two labels is exact on this chain.
 */
export function chainCut(overlap: Overlap): Labels {
  const { size, differences } = overlap;
  const labels = tiedLabels(overlap);
  const chain = freeChain(overlap);
  // Lowest cost of the chain so far if it ends new or old, and the label before it.
  let costNew = 0;
  let costOld = 0;
  const beforeNew = new Uint8Array(chain.length);
  const beforeOld = new Uint8Array(chain.length);
  for (const [index, at] of chain.entries()) {
    const { asNew, asOld } = tiedCosts(overlap, Math.floor(at / size), at % size);
    const change = index === 0 ? 0 : differences[at]! + differences[chain[index - 1]!]!;
    if (costOld + change < costNew) beforeNew[index] = 1;
    if (costOld <= costNew + change) beforeOld[index] = 1;
    [costNew, costOld] = [
      Math.min(costNew, costOld + change) + asNew,
      Math.min(costOld, costNew + change) + asOld,
    ];
  }
  let label = costOld < costNew ? 1 : 0;
  for (let index = chain.length - 1; index >= 0; index--) {
    labels[chain[index]!] = label;
    label = (label === 1 ? beforeOld : beforeNew)[index]!;
  }
  return labels;
}

function freeChain({ size, top, left }: Overlap): number[] {
  const chain: number[] = [];
  if (left === 2) {
    for (let y = size - 1; y >= (top > 0 ? 1 : 0); y--) chain.push(y * size + 1);
  }
  if (top === 2) {
    const corner = left === 2 ? 2 : left;
    for (let x = corner; x < size; x++) chain.push(size + x);
  }
  return chain;
}
