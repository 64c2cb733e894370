/** How many of `available` images a dataset yields with an `offset` and an optional `limit`. */
export function selectedCount(available: number, offset: number, limit: number | undefined): number {
  return Math.max(0, Math.min(available - offset, limit ?? Infinity));
}
