/** An image, row by row from the top. */
export interface Picture {
  readonly width: number;
  readonly height: number;
  readonly channels: number;
  /** `[height, width, channels]`, from 0 to 1 or from 0 to 255. */
  readonly pixels: Float32Array | Uint8Array;
}

/** The images that a cell has made, and those that it has made them of. */
export interface CellPictures {
  readonly count: number;
  readonly at: (index: number) => PicturePair;
}

export interface PicturePair {
  /** Names the image and its class. */
  readonly title: string;
  /** Null if the cell read no images of this size. */
  readonly before: Picture | null;
  readonly after: Picture;
}

/** The pictures of the cell whose first shard has this key; a sentence if there are none. */
export type FindPictures = (key: string) => CellPictures | string;
