/** Reads from the metadata of a safetensors file how ravelin wrote the weights. */
export type Metadata = Readonly<Record<string, string>>;

/**
 * Whether the weights have ravelin's layout (HWIO, [in, out]): in files of `weights convert` and `weights export`, which
 * say so, and in models that `ravelin export` wrote.
 */
export function isOwnLayout(metadata: Metadata): boolean {
  return metadata['layout'] === 'ravelin' || metadata['kind'] === 'model';
}

/** The architecture whose weights ravelin wrote into the file; null for files of others, and for Python models. */
export function ownArchitecture(metadata: Metadata): string | null {
  if (metadata['kind'] !== 'model') return metadata['architecture'] ?? null;
  return /"architecture":"([^"\\]+)"/.exec(metadata['network'] ?? '')?.[1] ?? null;
}
