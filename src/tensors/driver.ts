/** What a backend of ours is made of: one driver for each, in a folder of its own. */

/** `software` is a GPU played by the CPU, slower than any other backend: for tests. */
export interface BackendDevice {
  readonly kind: 'gpu' | 'cpu' | 'software';
  readonly name: string;
  /** Bytes that a worker can use of it; null where that is not known without opening it. */
  readonly memory: number | null;
  /** Threads that a worker uses: as many as it is given cores, or one. */
  readonly threads: 'one' | 'its cores';
}

export interface BackendProbe {
  readonly name: string;
  readonly ready: boolean;
  /** Version of the package that computes; null where it is not installed. */
  readonly version: string | null;
  /** What it computes on; null where it is not ready. */
  readonly device: BackendDevice | null;
  /** Why it is not ready, with what to do; null when ready. */
  readonly why: string | null;
}

/** What a backend must tell and do; `version` and `probe` must not load TensorFlow.js. */
export interface BackendDriver {
  readonly name: string;
  /** Version of what decides the numbers. Throws where the package is not installed. */
  readonly version: () => string;
  readonly probe: () => BackendProbe;
  /** False where a look at files tells that it has no GPU to compute on. */
  readonly mayHaveGpu: () => boolean;
  /** Loads, registers and selects the backend. Called once per process. */
  readonly open: () => Promise<void>;
}
