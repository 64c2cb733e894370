/** Images of a run with what the network says of each: the data behind the grids of a page. */
export interface Gallery {
  readonly images: readonly GalleryImage[];
  /** The factor of the differences. */
  readonly scale: number;
  /** The cells that have the predictions. */
  readonly predictedBy: readonly string[];
  /** Whether the pixels were float32, so that a PNG rounds them to bytes. */
  readonly isRounded: boolean;
}

/** One original and all that became of it. */
export interface GalleryImage {
  /** Its position in the dataset. */
  readonly id: number;
  /** Its class; empty if it has no label. */
  readonly truth: string;
  readonly versions: readonly GalleryVersion[];
}

export interface GalleryVersion {
  readonly role: 'original' | 'adversarial' | 'defended' | 'defended original';
  /** Distinguishes it from the others of its role; empty for the original. */
  readonly label: string;
  /** Versions of equal rows stand side by side. */
  readonly row: string;
  readonly png: Uint8Array;
  readonly width: number;
  readonly height: number;
  /** The scaled difference from the original around grey; null for the original, and if the sizes differ. */
  readonly difference: Uint8Array | null;
  /** How far the attack moved it: `dissimilarity 0.06, L∞ 0.031`; empty if no attack did. */
  readonly distance: string;
  /** Null if the run has no prediction for it. */
  readonly prediction: GalleryPrediction | null;
  /** Indices of the versions that belong beside it in the view of one image. */
  readonly beside: readonly number[];
}

export interface GalleryPrediction {
  /** The most probable classes with their probabilities, the highest first. */
  readonly top: readonly (readonly [name: string, probability: number])[];
  /** Null for an image without a label. */
  readonly isRight: boolean | null;
}
