/** Characters of the output of a unit that are passed on as they come, and of its end. */
const limits = { head: 2 ** 18, tail: 2 ** 16 } as const;

/**
 * The output of foreign code on its way to a log, of which neither the amount nor the end is known. The first part of a
 * unit's output is passed on at once. Of the rest only the last part is kept, and passed on at the end of the unit, after a
 * line that says how much was left out.
 */
export class BoundedOutput {
  readonly #pass: (text: string) => void;
  readonly #head: number;
  readonly #tail: number;
  #passed = 0;
  #held = '';
  #leftOut = 0;

  constructor(
    pass: (text: string) => void,
    { head, tail }: { readonly head: number; readonly tail: number } = limits,
  ) {
    this.#pass = pass;
    this.#head = head;
    this.#tail = tail;
  }

  add(text: string): void {
    const now = text.slice(0, Math.max(0, this.#head - this.#passed));
    this.#passed += now.length;
    if (now !== '') this.#pass(now);
    this.#held += text.slice(now.length);
    // Twice as much is held, so that not every line copies all of it.
    if (this.#held.length > 2 * this.#tail) this.#cut();
  }

  /** Passes on what is held, and begins a new unit. */
  end(): void {
    this.#cut();
    if (this.#held !== '')
      this.#pass(
        this.#leftOut === 0
          ? this.#held
          : `\n[${this.#leftOut} characters of output are left out here]\n${this.#held}`,
      );
    this.#passed = 0;
    this.#held = '';
    this.#leftOut = 0;
  }

  #cut(): void {
    const over = this.#held.length - this.#tail;
    if (over <= 0) return;
    this.#leftOut += over;
    this.#held = this.#held.slice(over);
  }
}
