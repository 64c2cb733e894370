import { writeLine, type TextStream } from '../console/write.ts';
import { reduce } from './reduce.ts';
import type { Renderer } from './renderer.ts';
import { initialState } from './state.ts';
import { summaryLines } from './summary.ts';

/**
 * Prints only failures, warnings and what could not be published on stderr, and the results on stdout, both at the end. What a change of
 * the backend costs is printed at once.
 */
export function createQuietRenderer(io: {
  readonly stdout: TextStream;
  readonly stderr: TextStream;
}): Renderer {
  let state = initialState();
  return {
    onEvent: (event) => {
      state = reduce(state, event);
      if (event.type === 'backend-changed') writeLine(io.stderr, event.message);
    },
    notice: (text) => writeLine(io.stderr, text),
    finish: (results = '') => {
      const { failures, warnings, unpublished } = state;
      if (failures.length + warnings.length + unpublished.length > 0)
        writeLine(io.stderr, summaryLines(state).join('\n'));
      if (results !== '') writeLine(io.stdout, results);
      return Promise.resolve();
    },
  };
}
