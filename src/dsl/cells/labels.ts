import type { AxisLabel } from '../graph.ts';

interface AxisTable {
  readonly ids: Map<string, number>;
  readonly labels: AxisLabel[];
  /** `attack=fgsm`, for the names of cells. */
  readonly texts: string[];
}

/**
 * Labels as small integers, one table for each axis name, so that joins compare numbers. Labels that are
 * written alike are the same label: the number `0.06` and the text `'0.06'` name the same cells.
 */
export class LabelTable {
  readonly #axes = new Map<string, AxisTable>();

  idOf(axis: string, label: AxisLabel): number {
    const table = this.#table(axis);
    const key = String(label);
    let id = table.ids.get(key);
    if (id === undefined) {
      id = table.labels.length;
      table.ids.set(key, id);
      table.labels.push(label);
      table.texts.push(`${axis}=${key}`);
    }
    return id;
  }

  labelOf(axis: string, id: number): AxisLabel {
    return this.#table(axis).labels[id]!;
  }

  textOf(axis: string, id: number): string {
    return this.#table(axis).texts[id]!;
  }

  #table(axis: string): AxisTable {
    let table = this.#axes.get(axis);
    if (table === undefined) {
      table = { ids: new Map(), labels: [], texts: [] };
      this.#axes.set(axis, table);
    }
    return table;
  }
}
