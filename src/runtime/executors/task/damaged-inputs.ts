/** Objects of inputs cannot be read. The units that made them have to be computed again. */
export class DamagedInputsError extends Error {
  override readonly name = 'DamagedInputsError';
  readonly digests: readonly string[];
  constructor(digests: readonly string[]) {
    super(`${digests.length} input objects are missing or damaged`);
    this.digests = digests;
  }
}
