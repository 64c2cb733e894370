import { type ImageBatch, imageSize } from './images.ts';
import type { Queries } from './queries.ts';

/**
 * How far a step goes beyond the linearised distance d, so that an image on a boundary does not stay there.
 */
export interface BoundaryRule {
  /** Lower limit of the distance. */
  readonly minimumDistance: number;
  /** Added to every distance. */
  readonly addedDistance: number;
}

export interface NearestBoundaries {
  /**
   * Displacement of each image to its nearest linearised boundary, laid out as the pixels; 0 for a flat
   * image.
   */
  readonly displacement: Float32Array;
  /** 1 for an image at which no candidate's gradient differs from that of the true class. */
  readonly flat: Uint8Array;
}

/** Most gradient values held at once, which bounds memory if there are many classes. */
const gradientElements = 1 << 24;

/**
 * For each image, finds the candidate k with the smallest |f| / ‖w‖₂, where w = ∇(Z_k − Z_y) and f = Z_k −
 * Z_y, and returns the displacement by that distance along w / ‖w‖₂. `candidates` is `[n, k]`, the true class
 * y first.
 */
export async function nearestBoundaries(
  queries: Queries,
  batch: ImageBatch,
  candidates: Int32Array,
  rule: BoundaryRule,
): Promise<NearestBoundaries> {
  const rows = batch.shape[0];
  const size = imageSize(batch.shape);
  const count = candidates.length / rows;
  const chunk = Math.max(2, Math.floor(gradientElements / (rows * size)));
  const displacement = new Float32Array(rows * size);
  const nearest = new Float64Array(rows).fill(Infinity);
  const norms = new Float64Array(rows);
  const difference = new Float32Array(size);
  for (let first = 1; first < count; first += chunk - 1) {
    const end = Math.min(count, first + chunk - 1);
    // Every chunk includes the true class, for the differences.
    const width = end - first + 1;
    const chosen = new Int32Array(rows * width);
    for (let row = 0; row < rows; row++) {
      chosen[row * width] = candidates[row * count]!;
      chosen.set(candidates.subarray(row * count + first, row * count + end), row * width + 1);
    }
    const { gradients, logits } = await queries.classGradients(batch, chosen);
    for (let row = 0; row < rows; row++) {
      const own = row * width * size;
      const logitOf = (column: number): number =>
        logits[row * queries.classes + chosen[row * width + column]!]!;
      for (let column = 1; column < width; column++) {
        const rival = own + column * size;
        let squares = 0;
        for (let offset = 0; offset < size; offset++) {
          const slope = gradients[rival + offset]! - gradients[own + offset]!;
          difference[offset] = slope;
          squares += slope * slope;
        }
        const norm = Math.sqrt(squares);
        const distance = Math.abs(logitOf(column) - logitOf(0)) / norm;
        // A rival with the gradient of the true class is infinitely far away, or its distance is 0 / 0.
        if (norm > 0 && distance < nearest[row]!) {
          nearest[row] = distance;
          norms[row] = norm;
          displacement.set(difference, row * size);
        }
      }
    }
  }
  const flat = new Uint8Array(rows);
  for (let row = 0; row < rows; row++) {
    if (norms[row] === 0) {
      flat[row] = 1;
      continue;
    }
    const distance = Math.max(nearest[row]! + rule.addedDistance, rule.minimumDistance);
    const factor = distance / norms[row]!;
    for (let at = row * size; at < (row + 1) * size; at++) displacement[at]! *= factor;
  }
  return { displacement, flat };
}
