/** The bytes hold no weights that can be read. The message says what is wrong, not which file. */
export class WeightsError extends Error {
  override readonly name = 'WeightsError';
}
