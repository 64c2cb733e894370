const mostWarnings = 50;
const mostCharacters = 2_000;

/**
 * The warnings of a stage about the result that it computes: each is passed on at once, and kept for the commit record, so that a run
 * that reuses the result can say them again. The record holds no more than 50 different ones of 2,000 characters.
 */
export class ResultWarnings {
  readonly #kept = new Set<string>();
  readonly #passOn: (message: string) => void;

  constructor(passOn: (message: string) => void) {
    this.#passOn = passOn;
  }

  readonly add = (message: string): void => {
    this.#passOn(message);
    if (this.#kept.size < mostWarnings) this.#kept.add(message.slice(0, mostCharacters));
  };

  /** The field of the record; nothing if there was no warning. */
  ofRecord(): { readonly warnings?: readonly string[] } {
    return this.#kept.size === 0 ? {} : { warnings: [...this.#kept] };
  }
}
