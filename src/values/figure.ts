/** A finished figure or table: the same content in one or more file formats. */
export interface Figure {
  readonly kind: 'figure';
  readonly title: string;
  /**
   * File extension without the dot (`svg`, `png`, `md`, `csv`, `json`) → bytes. `publish:` chooses a file by
   * its extension.
   */
  readonly files: Readonly<Record<string, Uint8Array>>;
}
