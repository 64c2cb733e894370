import type { NetworkModel } from '../values/model.ts';
import type { Batch } from './batches.ts';

/** A batch of a training. Random numbers are drawn for it, so that a resumed training repeats them. */
export interface TrainingPlace {
  /** Epochs completed. */
  readonly epoch: number;
  /** Batches of this epoch completed. */
  readonly step: number;
}

/**
 * Perturbs images of a batch against the network as it is before the step, or gives them counterparts. `weights`
 * reads them from the device.
 */
export type Adversary = (
  batch: Batch,
  place: TrainingPlace,
  weights: () => Promise<NetworkModel['weights']>,
) => Promise<Batch>;
