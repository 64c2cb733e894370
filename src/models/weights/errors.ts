/** The bytes contain no readable weights. The message says what is wrong, but not in which file. */
export class WeightsError extends Error {
  override readonly name = 'WeightsError';
}
