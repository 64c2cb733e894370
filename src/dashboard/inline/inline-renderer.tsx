import { render } from 'ink';
import type { RunEvent } from '../../runtime/events.ts';
import type { Renderer, RendererIo } from '../renderer.ts';
import { summaryLines } from '../summary.ts';
import { App } from './app.tsx';
import { createScreen } from './screen.ts';
import { chooseTheme } from './theme.ts';

export interface InlineOptions {
  /** Delivers every event, past ones first; returns a function that stops it. */
  readonly subscribe: (onEvent: (event: RunEvent) => void) => () => void;
  readonly onDrain: () => void;
  readonly onStop: () => void;
  readonly onQuit: () => void;
  /** Stream for the frames: stderr in a run, so that stdout stays free for results. */
  readonly stdout: NodeJS.WriteStream;
  readonly stdin: NodeJS.ReadStream;
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly now: () => number;
  readonly columns?: number;
  readonly rows?: number;
}

export interface InlineDisplay {
  /** Draws the last frame, releases the terminal, and resolves when that is done. */
  done(): Promise<void>;
  readonly summary: () => readonly string[];
}

const frameMs = 120;

/**
 * Shows a run below the prompt, without touching the scrollback. Raw mode is used only if stdin is a
 * terminal.
 */
export function renderInline(options: InlineOptions): InlineDisplay {
  const { stdout, stdin, environment, now, onDrain, onStop, onQuit } = options;
  const effects = { drain: onDrain, stop: onStop, quit: onQuit };
  const screen = createScreen({
    theme: chooseTheme(environment),
    size: () => ({
      columns: options.columns ?? (stdout.columns || 80),
      rows: options.rows ?? (stdout.rows || 24),
    }),
    now,
    onEffect: (effect) => effects[effect](),
  });
  const unsubscribe = options.subscribe(screen.onEvent);
  screen.tick();
  const interactive = stdin.isTTY;
  const app = render(<App screen={screen} interactive={interactive} />, {
    stdout,
    stdin,
    exitOnCtrlC: false,
    patchConsole: false,
  });
  const clock = setInterval(screen.tick, frameMs);
  const onResize = (): void => screen.tick();
  stdout.on('resize', onResize);
  let ended = false;
  return {
    summary: () => summaryLines(screen.state()),
    done: async () => {
      if (ended) return;
      ended = true;
      clearInterval(clock);
      stdout.off('resize', onResize);
      unsubscribe();
      screen.end();
      // React must draw the last frame before Ink releases the terminal.
      await new Promise((resolve) => setTimeout(resolve, 50));
      app.unmount();
      await app.waitUntilExit();
    },
  };
}

export function createInlineRenderer(io: RendererIo): Renderer {
  let deliver: (event: RunEvent) => void = () => undefined;
  const display = renderInline({
    subscribe: (onEvent) => {
      deliver = onEvent;
      return () => undefined;
    },
    onDrain: io.onInterrupt,
    onStop: io.onInterrupt,
    onQuit: io.onQuit,
    stdout: io.stderr,
    stdin: io.stdin,
    environment: io.environment,
    now: io.now,
  });
  return {
    onEvent: (event) => deliver(event),
    finish: async (results = '') => {
      await display.done();
      io.stderr.write(`\n${display.summary().join('\n')}\n`);
      if (results !== '') io.stdout.write(results.endsWith('\n') ? results : `${results}\n`);
    },
  };
}
