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
 * The 64 bits that key a stage's randomness: from the pipeline's seed and the stage's id only, so that
 * neither shard size nor order nor a sibling stage can change a draw.
 */
export function seedStream(pipelineSeed: number, stageId: string): readonly [high: number, low: number] {
  const digest = sha256(`ravelin seed stream 1\n${pipelineSeed}\n${stageId}`);
  return [parseInt(digest.slice(0, 8), 16), parseInt(digest.slice(8, 16), 16)];
}
