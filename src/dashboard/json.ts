import { jsonText } from '../console/visible-text.ts';
import { writeLine, type TextStream } from '../console/write.ts';
import type { Renderer } from './renderer.ts';

/**
 * Prints one event per line on stdout; the last is `run-finished`. Nothing else goes to stdout, so `results`
 * are left out. What a change of the backend costs is on stderr too, for people.
 */
export function createJsonRenderer(io: {
  readonly stdout: TextStream;
  readonly stderr: TextStream;
}): Renderer {
  return {
    onEvent: (event) => {
      writeLine(io.stdout, jsonText(event));
      if (event.type === 'backend-changed') writeLine(io.stderr, event.message);
    },
    notice: (text) => writeLine(io.stderr, text),
    finish: () => Promise.resolve(),
  };
}
