/** Why a run starts nothing more: its user interrupted it, or a failure that ends the run did. */
export class StopSwitch {
  readonly drain: AbortSignal | undefined;
  readonly kill: AbortSignal | undefined;
  readonly #stoppedBy = new Set<unknown>();

  /**
   * Once `drain` is aborted, nothing is started and what runs is
   * finished; once `kill` is, workers are killed.
   */
  constructor(drain?: AbortSignal, kill?: AbortSignal) {
    this.drain = drain;
    this.kill = kill;
  }

  /** A failure ended the run early. */
  get stopped(): boolean {
    return this.#stoppedBy.size > 0;
  }

  /** The user ended the run early. */
  get interrupted(): boolean {
    return this.drain?.aborted === true || this.kill?.aborted === true;
  }

  /** Whether nothing more may start. */
  get isOff(): boolean {
    return this.stopped || this.interrupted;
  }

  /** Lets nothing more start because of what failed. */
  stop(failed: unknown): void {
    this.#stoppedBy.add(failed);
  }

  /** The run goes on: the cell that stopped it is tried again. */
  forgive(failed: unknown): void {
    this.#stoppedBy.delete(failed);
  }
}
