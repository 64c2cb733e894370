/** The typed arrays of one kind, one after the other. Throws `TypeError` for an empty list, which has no kind. */
export function concatArrays<A extends Float32Array | Int32Array | Int8Array | Uint8Array>(
  parts: readonly A[],
): A {
  const length = parts.reduce((sum, part) => sum + part.length, 0);
  const joined = new (parts[0]!.constructor as new (length: number) => A)(length);
  let position = 0;
  for (const part of parts) {
    joined.set(part, position);
    position += part.length;
  }
  return joined;
}
