/** The explanation of a diagnostic that `ravelin explain CODE` prints. */
export interface Page {
  readonly title: string;
  readonly meaning: string;
  /** A pipeline, or a part of one, that has this error. */
  readonly wrong: string;
  readonly right: string;
}

export function page(title: string, meaning: string, wrong: string, right: string): Page {
  return { title, meaning, wrong, right };
}
