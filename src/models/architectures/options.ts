/** What every published architecture lets its user choose. */
export interface ArchitectureOptions {
  /** Side of the square RGB images. */
  readonly size: number;
  readonly classes: number;
}
