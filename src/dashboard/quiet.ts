import { reduce } from './reduce.ts';
import type { Renderer } from './renderer.ts';
import { initialState } from './state.ts';
import { summaryLines } from './summary.ts';

/**
 * Prints only failures, warnings and what could not be published on stderr, and the results on stdout, both at the end. What a change of
 * the backend costs is printed at once.
 */
export function createQuietRenderer(io: {
  readonly stdout: { write(text: string): unknown };
  readonly stderr: { write(text: string): unknown };
}): Renderer {
  let state = initialState();
  return {
    onEvent: (event) => {
      state = reduce(state, event);
      if (event.type === 'backend-changed') io.stderr.write(`${event.message}\n`);
    },
    finish: (results = '') => {
      const { failures, warnings, unpublished } = state;
      if (failures.length + warnings.length + unpublished.length > 0)
        io.stderr.write(`${summaryLines(state).join('\n')}\n`);
      if (results !== '') io.stdout.write(results.endsWith('\n') ? results : `${results}\n`);
      return Promise.resolve();
    },
  };
}
