/** The bytes contain no readable weights. The message says what is wrong, but not in which file. */
export class WeightsError extends Error {
  override readonly name = 'WeightsError';
  /** The remedy, if it does not depend on the network that the weights are for. */
  readonly fix: string | undefined;
  constructor(message: string, fix?: string) {
    super(message);
    this.fix = fix;
  }
}
