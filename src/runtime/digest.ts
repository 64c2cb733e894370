import { hash } from 'node:crypto';

/** Lower-case hexadecimal SHA-256 of a text (as UTF-8) or of bytes. */
export function sha256(data: string | Uint8Array): string {
  return hash('sha256', data, 'hex');
}

const digestShape = /^[0-9a-f]{64}$/;

export function isDigest(text: unknown): text is string {
  return typeof text === 'string' && digestShape.test(text);
}

/**
 * The 64 bits that key the randomness of a cell: from the pipeline's seed, the type of its stage and the `seed:` of its stage only. Neither names
 * nor shard size nor order nor a sibling stage can change a draw, and two cells of one recipe draw the same.
 */
export function seedStream(
  pipelineSeed: number,
  { uses, seed = 0 }: { readonly uses: string; readonly seed?: number },
): readonly [high: number, low: number] {
  const digest = sha256(`ravelin seed stream 2\n${pipelineSeed}\n${uses}\n${seed}`);
  return [parseInt(digest.slice(0, 8), 16), parseInt(digest.slice(8, 16), 16)];
}
