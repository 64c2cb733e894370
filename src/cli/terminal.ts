import type { RendererIo } from '../dashboard/renderer.ts';

/** The terminal of this process, as renderers see it. */
export function terminal(): Omit<RendererIo, 'onInterrupt' | 'onQuit'> {
  return {
    stdout: process.stdout,
    stderr: process.stderr,
    stdin: process.stdin,
    environment: process.env,
    now: () => Date.now(),
  };
}
