import type { Renderer, RendererIo, RendererKind } from './renderer.ts';

/**
 * Chooses the renderer of `--ui auto`: the live display for a person at a terminal, and lines for pipes, CI
 * and dumb terminals.
 */
export function chooseRenderer(io: {
  readonly stderr: { readonly isTTY?: boolean };
  readonly environment: Readonly<Record<string, string | undefined>>;
}): RendererKind {
  const { CI: ci, TERM: term } = io.environment;
  const inCi = ci !== undefined && ci !== '' && ci !== '0' && ci !== 'false';
  return io.stderr.isTTY === true && term !== 'dumb' && !inCi ? 'inline' : 'plain';
}

/** Loads only what the renderer needs. Only `inline` loads Ink and React. */
export async function createRenderer(kind: RendererKind, io: RendererIo): Promise<Renderer> {
  switch (kind) {
    case 'inline': {
      // React's development build records a performance entry for every render and never drops it.
      process.env['NODE_ENV'] ??= 'production';
      const { createInlineRenderer } = await import('./inline/inline-renderer.tsx');
      return createInlineRenderer(io);
    }
    case 'plain': {
      const { createPlainRenderer } = await import('./plain.ts');
      return createPlainRenderer(io);
    }
    case 'json': {
      const { createJsonRenderer } = await import('./json.ts');
      return createJsonRenderer(io);
    }
    case 'quiet': {
      const { createQuietRenderer } = await import('./quiet.ts');
      return createQuietRenderer(io);
    }
    default:
      kind satisfies never;
      throw new TypeError(`unknown renderer '${String(kind)}'`);
  }
}
