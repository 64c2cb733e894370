export interface PrincipalAxes {
  /** `[dimensions]`. */
  readonly mean: Float32Array;
  /** `[dimensions, dimensions]`: orthonormal rows in order of falling variance. */
  readonly basis: Float32Array;
}

/** Enough rows to find the directions of patches. The search is exact with any basis. */
const maxRows = 1 << 16;

/**
 * Principal component analysis of `[count, dimensions]` bytes, count ≥ 1, from at most 65,536 rows spread
 * evenly over all.
 */
export function principalAxes(rows: Uint8Array, dimensions: number): PrincipalAxes {
  const count = rows.length / dimensions;
  const used = Math.min(count, maxRows);
  const mean = new Float64Array(dimensions);
  const products = new Float64Array(dimensions * dimensions);
  for (let index = 0; index < used; index++) {
    const at = Math.floor((index * count) / used) * dimensions;
    for (let i = 0; i < dimensions; i++) {
      const value = rows[at + i]!;
      mean[i]! += value;
      // Sums of products of bytes are integers below 2⁵³, so they are exact in any order.
      for (let j = 0; j <= i; j++) products[i * dimensions + j]! += value * rows[at + j]!;
    }
  }
  for (let i = 0; i < dimensions; i++) mean[i]! /= used;
  for (let i = 0; i < dimensions; i++) {
    for (let j = 0; j <= i; j++) {
      const covariance = products[i * dimensions + j]! / used - mean[i]! * mean[j]!;
      products[i * dimensions + j] = covariance;
      products[j * dimensions + i] = covariance;
    }
  }
  return { mean: Float32Array.from(mean), basis: Float32Array.from(eigenvectors(products, dimensions)) };
}

const sweeps = 30;

/**
 * Eigenvectors of a symmetric matrix as rows, in order of falling eigenvalue, by cyclic Jacobi rotations
 * (Golub and Van Loan, "Matrix Computations", section 8.5). Overwrites the matrix.
 */
export function eigenvectors(matrix: Float64Array, n: number): Float64Array {
  const vectors = new Float64Array(n * n);
  for (let i = 0; i < n; i++) vectors[i * n + i] = 1;
  let trace = 0;
  for (let i = 0; i < n; i++) trace += matrix[i * n + i]!;
  const negligible = 1e-12 * trace;
  for (let sweep = 0; sweep < sweeps; sweep++) {
    let rotated = false;
    for (let p = 0; p < n; p++) {
      for (let q = p + 1; q < n; q++) {
        const entry = matrix[p * n + q]!;
        if (Math.abs(entry) <= negligible) continue;
        const [a, b] = [matrix[p * n + p]!, matrix[q * n + q]!];
        rotated = true;
        const theta = (b - a) / (2 * entry);
        const tangent = (theta >= 0 ? 1 : -1) / (Math.abs(theta) + Math.sqrt(theta * theta + 1));
        const cosine = 1 / Math.sqrt(tangent * tangent + 1);
        const sine = tangent * cosine;
        rotateColumns(matrix, n, p, q, cosine, sine);
        rotateRows(matrix, n, p, q, cosine, sine);
        rotateRows(vectors, n, p, q, cosine, sine);
      }
    }
    if (!rotated) break;
  }
  const order = Array.from({ length: n }, (_, i) => i).sort(
    (i, j) => matrix[j * n + j]! - matrix[i * n + i]!,
  );
  const sorted = new Float64Array(n * n);
  for (const [row, from] of order.entries()) sorted.set(vectors.subarray(from * n, (from + 1) * n), row * n);
  return sorted;
}

function rotateRows(
  matrix: Float64Array,
  n: number,
  p: number,
  q: number,
  cosine: number,
  sine: number,
): void {
  for (let k = 0; k < n; k++) {
    const [a, b] = [matrix[p * n + k]!, matrix[q * n + k]!];
    matrix[p * n + k] = cosine * a - sine * b;
    matrix[q * n + k] = sine * a + cosine * b;
  }
}

function rotateColumns(
  matrix: Float64Array,
  n: number,
  p: number,
  q: number,
  cosine: number,
  sine: number,
): void {
  for (let k = 0; k < n; k++) {
    const [a, b] = [matrix[k * n + p]!, matrix[k * n + q]!];
    matrix[k * n + p] = cosine * a - sine * b;
    matrix[k * n + q] = sine * a + cosine * b;
  }
}
