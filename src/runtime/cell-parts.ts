import type { JsonObject } from '../values/json.ts';

/** How a cell is divided into parts. */
export interface CellParts {
  /** Parts whose results the cell reads, or other parts do, in an order in which each reads earlier ones only. */
  readonly before: readonly Part[];
  /** Inputs of the cell beside its own. */
  readonly inputs: Readonly<Record<string, PartOutput>>;
  /** Parts that read the cell, as part `self`, and are brought up to date with it. */
  readonly after: readonly Part[];
  /** Images of the cell, the first ones, that its parts have computed under the same keys, as a rule; for estimates. */
  readonly computedBefore?: number;
}

export interface Part {
  readonly name: string;
  /** Its name in `StageParts.stages`; `self` for the stage type of the cell itself. */
  readonly stage: string;
  /** Parts of one group are shown together, as a stage of this name below that of the cell. */
  readonly group: string;
  readonly params: JsonObject;
  /** The inputs of the cell that the part reads too, as far as they are connected. */
  readonly shares: readonly string[];
  /** Outputs of other parts that it reads, by input port. */
  readonly inputs: Readonly<Record<string, PartOutput>>;
  /** It reads only this number of images, the first ones; all if absent. */
  readonly images?: number;
  /** The share of its units that are not found in the cache when their turn comes, as a rule; 1 if absent; for estimates. */
  readonly expectedShare?: number;
}

export interface PartOutput {
  readonly part: string;
  readonly port: string;
}
