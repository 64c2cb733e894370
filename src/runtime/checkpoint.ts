/** State of a long stage that outlives a killed run; removed when the stage commits. */
export interface Checkpoint {
  readonly read: () => Promise<Uint8Array | null>;
  /** Durable once it resolves. */
  readonly write: (bytes: Uint8Array) => Promise<void>;
  /** Says why the state that was read is of no use, so that the work starts again. It does not become a warning of the result. */
  readonly refuse: (reason: string) => void;
  /** Steps between two writes; null if the stage is to choose, so that writing takes little of its time. */
  readonly everySteps: number | null;
  /**
   * Aborted when the run is asked to stop. A stage that takes long then writes its state and throws
   * `PausedError`; others may go on to their end.
   */
  readonly pause: AbortSignal;
}

/** The checkpoint of a stage that is nobody's: it keeps nothing and never pauses. */
export const noCheckpoint: Checkpoint = {
  read: () => Promise.resolve(null),
  write: () => Promise.resolve(),
  refuse: () => undefined,
  everySteps: null,
  pause: new AbortController().signal,
};

/** A stage has stopped because the run was asked to; its checkpoint says where it goes on. */
export class PausedError extends Error {
  override readonly name = 'PausedError';
  constructor() {
    super('the stage was paused');
  }
}
