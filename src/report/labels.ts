import type { Label } from './rows.ts';

/** Display names of labels and names in figures and tables: `{ fgsm: FGSM, dissimilarity: δ }`. */
export type Labels = Readonly<Record<string, string>>;

/** The display name of a label: its entry, or itself. */
export function labelled(labels: Labels | undefined, label: Label): string {
  const own = String(label);
  return labels !== undefined && Object.hasOwn(labels, own) ? labels[own]! : own;
}
