import type { Renderer } from './renderer.ts';

/**
 * Prints one event per line on stdout; the last is `run-finished`. Nothing else goes to stdout, so `results`
 * are left out. What a change of the backend costs is on stderr too, for people.
 */
export function createJsonRenderer(io: {
  readonly stdout: { write(text: string): unknown };
  readonly stderr: { write(text: string): unknown };
}): Renderer {
  return {
    onEvent: (event) => {
      io.stdout.write(`${JSON.stringify(event)}\n`);
      if (event.type === 'backend-changed') io.stderr.write(`${event.message}\n`);
    },
    finish: () => Promise.resolve(),
  };
}
