/** The parts of a backend. Each backend has a driver in a folder of its own. */

/** `software` is a GPU emulated on the CPU, which is slower than any other backend and meant for tests. */
export interface BackendDevice {
  readonly kind: 'gpu' | 'cpu' | 'software';
  readonly name: string;
  /** Bytes of its memory that a worker can use; null if that is unknown before it is opened. */
  readonly memory: number | null;
  /** Threads that a worker uses: one for each of its cores, or one in all. */
  readonly threads: 'one' | 'its cores';
}

export interface BackendProbe {
  readonly name: string;
  readonly ready: boolean;
  /** Version of the package that computes; null if it is not installed. */
  readonly version: string | null;
  /** The device that it computes on; null if it is not ready. */
  readonly device: BackendDevice | null;
  /** Why it is not ready, then `; ` and what to do; null if it is ready. */
  readonly why: string | null;
}

/** The interface that each backend implements. `version` and `probe` must not load TensorFlow.js. */
export interface BackendDriver {
  readonly name: string;
  /** Version of everything that decides the numbers. Throws if the package is not installed. */
  readonly version: () => string;
  /** The version that a worker finds on its machine, if that can differ from what a plan for another machine assumes. */
  readonly versionHere?: () => string;
  readonly probe: () => BackendProbe;
  /** Returns false if files alone show that there is no GPU to compute on. */
  readonly mayHaveGpu: () => boolean;
  /** Loads, registers and selects the backend. Called once per process. */
  readonly open: () => Promise<void>;
}
