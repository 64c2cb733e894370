import { render } from 'ink';
import { writeAsIs, writeLine, written } from '../../console/write.ts';
import type { RunEvent } from '../../runtime/events.ts';
import type { Renderer, RendererIo } from '../renderer.ts';
import type { DashboardState } from '../state.ts';
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
}

export interface InlineDisplay {
  /** Draws the last frame, releases the terminal, and resolves when that is done. */
  done(): Promise<void>;
  readonly summary: () => readonly string[];
  readonly state: () => DashboardState;
  /** Shows a text above the stages until the run has ended. */
  readonly notice: (text: string) => void;
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
    size: () => sizeOf(stdout),
    now,
    interactive: isTerminal(stdin),
    onEffect: (effect) => effects[effect](),
  });
  const unsubscribe = options.subscribe(screen.onEvent);
  screen.tick();
  const app = render(<App screen={screen} interactive={isTerminal(stdin)} />, {
    stdout: forInk(stdout),
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
    state: screen.state,
    notice: screen.notice,
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

/** Node leaves `isTTY` undefined if stdin is a file or a pipe, whatever its type says. */
function isTerminal(stdin: NodeJS.ReadStream): boolean {
  return (stdin.isTTY as boolean | undefined) === true;
}

/** A terminal that loses its size is taken for one of 24 rows. A frame needs a row, and the cursor another. */
function sizeOf(stdout: NodeJS.WriteStream): { readonly columns: number; readonly rows: number } {
  return { columns: stdout.columns || 80, rows: Math.max(2, stdout.rows || 24) };
}

/**
 * The terminal as Ink sees it: it always has a size, because Ink clears the screen with all that scrolled away
 * if a frame is not lower than the terminal; and it takes text also when the terminal is gone.
 */
function forInk(stdout: NodeJS.WriteStream): NodeJS.WriteStream {
  return new Proxy(stdout, {
    get(target, name) {
      if (name === 'rows' || name === 'columns') return sizeOf(target)[name];
      if (name === 'write')
        return (text: string, done?: () => void) => {
          writeAsIs(target, text);
          if (done !== undefined) void written(target).then(done);
          return true;
        };
      const value: unknown = Reflect.get(target, name, target);
      return typeof value === 'function' ? (value.bind(target) as unknown) : value;
    },
  });
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
    onQuit: () =>
      io.onQuit(async () => {
        await display.done();
        return display.state();
      }),
    stdout: io.stderr,
    stdin: io.stdin,
    environment: io.environment,
    now: io.now,
  });
  return {
    onEvent: (event) => deliver(event),
    notice: display.notice,
    finish: async (results = '') => {
      await display.done();
      writeLine(io.stderr, `\n${display.summary().join('\n')}`);
      if (results !== '') writeLine(io.stdout, results);
    },
  };
}
