/** What `ravelin explain CODE` says of a diagnostic. */
export interface Page {
  readonly title: string;
  readonly meaning: string;
  /** A pipeline, or the part of one, that is told so. */
  readonly wrong: string;
  readonly right: string;
}

export function page(title: string, meaning: string, wrong: string, right: string): Page {
  return { title, meaning, wrong, right };
}
