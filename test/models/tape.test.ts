import { describe, expect, it } from 'vitest';
import { backwardPass, recordTape } from '../../src/models/tape.ts';
import type { Evaluated } from '../../src/models/tape.ts';

const add = (left: number, right: number): number => left + right;

describe('a tape', () => {
  const nodes = [
    { name: 'tripled', inputs: ['input'], weight: 3 },
    { name: 'sum', inputs: ['input', 'tripled'] },
    { name: 'unread', inputs: ['input'], weight: 100 },
  ];
  const evaluate = (node: (typeof nodes)[number], inputs: readonly number[]): Evaluated<number> => {
    const { weight } = node;
    if (weight === undefined)
      return { output: inputs[0]! + inputs[1]!, backward: (dy) => ({ inputs: [dy, dy], weights: {} }) };
    return {
      output: weight * inputs[0]!,
      backward: (dy) => ({ inputs: [weight * dy], weights: { weight: dy * inputs[0]! } }),
    };
  };

  it('holds the output of every node', () => {
    const { values } = recordTape(nodes, 5, evaluate);
    expect(Object.fromEntries(values)).toEqual({ input: 5, tripled: 15, sum: 20, unread: 500 });
  });

  it('sums the gradients of a value that two nodes read, and leaves out nodes that the output does not need', () => {
    const { weights, input } = backwardPass(recordTape(nodes, 5, evaluate), 'sum', 2, add);
    expect(input).toBe(2 + 3 * 2);
    expect(Object.fromEntries(weights)).toEqual({ 'tripled.weight': 10 });
  });

  it('has no gradient of an input that nobody asked for', () => {
    const frozen = recordTape(nodes, 5, (node, inputs) => {
      const { output, backward } = evaluate(node, inputs);
      return { output, backward: (dy) => ({ ...backward(dy), inputs: [] }) };
    });
    expect(backwardPass(frozen, 'tripled', 1, add).input).toBeUndefined();
  });
});
