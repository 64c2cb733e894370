import type { Renderer } from './renderer.ts';

/**
 * Prints one event per line on stdout; the last is `run-finished`. Nothing else goes to stdout, so `results`
 * are left out.
 */
export function createJsonRenderer(io: { readonly stdout: { write(text: string): unknown } }): Renderer {
  return {
    onEvent: (event) => {
      io.stdout.write(`${JSON.stringify(event)}\n`);
    },
    finish: () => Promise.resolve(),
  };
}
