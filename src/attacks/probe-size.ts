/** The number of images on which the strength for a set of this size is guessed. */
export function probeSize(images: number): number {
  return Math.min(images, Math.max(16, Math.min(64, Math.ceil(images / 3))));
}
