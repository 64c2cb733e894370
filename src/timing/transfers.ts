/**
 * The bytes that cross between the memory of this process and that of a backend: on a GPU, the bus. Backends that count call
 * `noteFed` and `noteFetched`.
 */
export interface Transfers {
  /** Bytes that went to the backend. */
  readonly fed: number;
  /** Bytes that came back. */
  readonly fetched: number;
}

let fed = 0;
let fetched = 0;

export function noteFed(bytes: number): void {
  fed += bytes;
}

export function noteFetched(bytes: number): void {
  fetched += bytes;
}

/** Begins to count. The result returns the bytes since then. */
export function measureTransfers(): () => Transfers {
  const begun = { fed, fetched };
  return () => ({ fed: fed - begun.fed, fetched: fetched - begun.fetched });
}
