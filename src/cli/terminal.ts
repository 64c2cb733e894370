import type { RendererIo } from '../dashboard/renderer.ts';

/** The terminal of this process, in the form that renderers take. */
export function terminal(): Omit<RendererIo, 'onInterrupt' | 'onQuit'> {
  return {
    stdout: process.stdout,
    stderr: process.stderr,
    stdin: process.stdin,
    environment: process.env,
    now: () => Date.now(),
  };
}
