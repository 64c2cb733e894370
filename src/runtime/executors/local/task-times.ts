/**
 * A stage type whose tasks take less than this is short: the way through the
 * pipe would be a large part of its time.
 */
const shortMs = 25;

/** How long the tasks of each stage type take in this pool, as a moving average. */
export class TaskTimes {
  readonly #meanMs = new Map<string, number>();

  observe(uses: string, ms: number): void {
    const before = this.#meanMs.get(uses);
    this.#meanMs.set(uses, before === undefined ? ms : 0.7 * before + 0.3 * ms);
  }

  /** False for a stage type of which no task has ended yet. */
  isShort(uses: string): boolean {
    return (this.#meanMs.get(uses) ?? Infinity) < shortMs;
  }
}
