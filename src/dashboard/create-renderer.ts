import type { Renderer, RendererIo, RendererKind } from './renderer.ts';

/**
 * Chooses the renderer of `--ui auto`: the live display for a person at a terminal, and lines for pipes, CI,
 * dumb terminals and jobs in the background.
 */
export function chooseRenderer(io: DisplayIo): RendererKind {
  return canDraw(io) && io.environment['TERM'] !== 'dumb' ? 'inline' : 'plain';
}

interface DisplayIo {
  readonly stderr: { readonly isTTY?: boolean; readonly rows?: number; readonly columns?: number };
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly isInBackground: boolean;
}

/**
 * Some terminals have no size, such as that of `docker run -t` before a client attaches: 0 rows of 0 columns. A
 * frame needs a row, and the cursor one below it.
 */
function canDraw({ stderr, environment, isInBackground }: DisplayIo): boolean {
  const { isTTY, rows = 0, columns = 0 } = stderr;
  return isTTY === true && rows > 1 && columns > 0 && !isInBackground && !isCi(environment);
}

/** The whole screen needs some rows for its panes; below that, the display below the prompt says more. */
function hasRoom({ stderr }: Pick<DisplayIo, 'stderr'>): boolean {
  return (stderr.rows ?? 0) >= 8 && (stderr.columns ?? 0) >= 30;
}

/** Whether Ink takes this for the machine of a CI, on which it draws nothing before the end. */
function isCi(environment: DisplayIo['environment']): boolean {
  const isSet = (name: string): boolean => !['0', 'false', undefined].includes(environment[name]);
  return isSet('CI') || isSet('CONTINUOUS_INTEGRATION');
}

/**
 * Loads only what the renderer needs. Only displays that draw load Ink and React; if there is nothing to draw on, lines
 * are written instead.
 */
export async function createRenderer(wanted: RendererKind, io: RendererIo): Promise<Renderer> {
  const isDrawn = wanted === 'inline' || wanted === 'full' || wanted === 'recorded';
  const kind = !isDrawn
    ? wanted
    : !canDraw(io)
      ? 'plain'
      : wanted === 'full' && !hasRoom(io)
        ? 'inline'
        : wanted;
  switch (kind) {
    case 'inline':
    case 'full':
    case 'recorded': {
      // React's development build records a performance entry for every render and never drops it.
      process.env['NODE_ENV'] ??= 'production';
      const { createLiveRenderer } = await import('./live/live-renderer.tsx');
      return createLiveRenderer(io, kind);
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
      throw new TypeError(`there is no renderer '${String(kind)}'`);
  }
}
