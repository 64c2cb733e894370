/** The options of every published architecture. */
export interface ArchitectureOptions {
  /** Side of the square RGB images. */
  readonly size: number;
  readonly classes: number;
}
