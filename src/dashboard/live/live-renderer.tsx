import { render, type Instance } from 'ink';
import { visibleText } from '../../console/visible-text.ts';
import { writeAsIs, writeLine } from '../../console/write.ts';
import { cellsPerFrame, createEstimator } from '../estimate.ts';
import type { FullEffect } from '../full/full-view.ts';
import { createCanvas } from '../full/canvas.ts';
import { FullApp } from '../full/full-app.tsx';
import { createFullScreen } from '../full/full-screen.ts';
import { createAnswerReader, graphicsQuery, type AnswerReader, type Graphics } from '../full/graphics.ts';
import { createRecording } from '../full/recording.ts';
import { App } from '../inline/app.tsx';
import { createScreen } from '../inline/screen.ts';
import { chooseTheme } from '../parts/theme.ts';
import type { Effect } from '../inline/view.ts';
import type { Renderer, RendererIo } from '../renderer.ts';
import type { DashboardState } from '../state.ts';
import { summaryLines } from '../summary.ts';
import { withoutAnswers } from './terminal-input.ts';
import { forInk, isTerminal, sizeOf } from './terminal-stream.ts';

/** `recorded`: the whole screen on a run that this process only reads, with all of its past. */
export type LiveMode = 'inline' | 'full' | 'recorded';

const frameMs: Readonly<Record<LiveMode, number>> = { inline: 120, full: 500, recorded: 250 };
const enterScreen = '\u001B[?1049h\u001B[2J\u001B[H\u001B[?25l';
const leaveScreen = '\u001B[?1049l\u001B[?25h';
/** Terminals take no more in one go. */
const mostCopied = 70_000;

/**
 * Shows a run on a terminal: below the prompt, without touching the scrollback, or on the whole alternate screen. Raw mode is used
 * only if stdin is a terminal.
 */
export function createLiveRenderer(io: RendererIo, first: LiveMode): Renderer {
  return new LiveRenderer(io, first);
}

class LiveRenderer implements Renderer {
  readonly #io: RendererIo;
  readonly #theme;
  readonly #interactive: boolean;
  readonly #inline;
  readonly #full;
  readonly #recording;
  readonly #canvas;
  readonly #estimator;
  /** How the terminal shows pictures, once it has said so; null if it does not. */
  #graphics: Graphics | null = null;
  /** Null until the terminal has been asked. */
  #answers: AnswerReader | null = null;
  readonly #stdin: NodeJS.ReadStream;
  #mode: LiveMode;
  #app: Instance | null = null;
  #clock: NodeJS.Timeout | null = null;
  #notice = '';
  #ended = false;
  /** Forgets what the process does for the display. */
  #forget: (() => void)[] = [];
  #quit: () => void = () => undefined;
  readonly #hasQuit = new Promise<void>((resolve) => (this.#quit = resolve));

  constructor(io: RendererIo, first: LiveMode) {
    this.#io = io;
    this.#mode = first;
    this.#theme = chooseTheme(io.environment);
    this.#interactive = isTerminal(io.stdin);
    this.#recording = first === 'recorded' ? createRecording(io.now) : null;
    this.#estimator = createEstimator(io.prior, cellsPerFrame);
    this.#stdin = withoutAnswers(io.stdin, (typed) => this.#answers?.read(typed) ?? typed);
    this.#canvas = createCanvas((text) => writeAsIs(io.stderr, text));
    this.#inline = createScreen({
      theme: this.#theme,
      size: () => sizeOf(io.stderr),
      now: io.now,
      interactive: this.#interactive,
      ...(io.prior !== undefined && { prior: io.prior }),
      onEffect: (effect) => this.#onInlineEffect(effect),
    });
    this.#full = createFullScreen(
      () => this.#source(),
      (effect) => this.#onFullEffect(effect),
    );
    if (io.host !== undefined)
      this.#forget.push(
        io.host.onStop(
          () => this.#unmount(),
          () => this.#mount(),
        ),
        // Nothing else gives the terminal back if the process crashes.
        io.host.onExit(() => {
          if (this.#isOnAlternate()) io.host!.writeNow(this.#canvas.withoutPictures() + leaveScreen);
        }),
      );
    io.stderr.on('resize', this.#draw);
    if (first === 'recorded' && io.host !== undefined)
      this.#forget.push(io.host.onTerminate(() => this.#leave()));
    this.#mount();
  }

  onEvent: Renderer['onEvent'] = (event) => {
    if (this.#recording === null) this.#inline.onEvent(event);
    else this.#recording.add(event);
  };

  notice: Renderer['notice'] = (text) => {
    this.#notice = text;
    this.#inline.notice(text);
    this.#draw();
  };

  finish: Renderer['finish'] = async (results = '') => {
    const { host } = this.#io;
    if (!this.#ended && this.#isOnAlternate() && this.#interactive && this.#isComplete()) {
      // The run has ended: what would have drained it leaves now.
      if (host !== undefined) this.#forget.push(host.onTerminate(() => this.#leave()));
      await this.#hasQuit;
    }
    await this.#end();
    if (this.#recording !== null) return;
    writeLine(this.#io.stderr, `\n${summaryLines(this.#state()).join('\n')}`);
    if (results !== '') writeLine(this.#io.stdout, results);
  };

  /** Whether there is something to stay for: a run that has ended, or one that somebody else computes. */
  #isComplete(): boolean {
    return this.#recording !== null || this.#state().finished !== null;
  }

  #state(): DashboardState {
    return this.#recording?.state() ?? this.#inline.state();
  }

  #source() {
    const state = this.#state();
    const now = this.#recording?.now() ?? this.#io.now();
    return {
      state,
      now,
      size: sizeOf(this.#io.stderr),
      remaining: this.#estimator.remaining(state, now),
      notice: this.#notice,
      place: this.#recording?.place() ?? '',
      devices: this.#mode === 'full' && state.finished === null ? (this.#io.devices?.() ?? []) : [],
      pictures: this.#io.picturesOf ?? null,
      graphics: this.#graphics,
      abilities: {
        isRecorded: this.#recording !== null,
        canControl: this.#recording === null && this.#io.control !== undefined,
      },
    };
  }

  #isOnAlternate(): boolean {
    return this.#mode !== 'inline' && this.#app !== null;
  }

  readonly #draw = (): void => {
    if (this.#app === null) return;
    this.#recording?.tick(this.#io.now());
    if (this.#mode === 'inline') this.#inline.tick();
    else this.#full.tick();
  };

  #mount(): void {
    if (this.#app !== null || this.#ended) return;
    const { stderr } = this.#io;
    if (this.#mode !== 'inline') writeAsIs(stderr, enterScreen);
    this.#canvas.forget();
    this.#app = render(this.#element(), {
      stdout: forInk(stderr),
      stdin: this.#stdin,
      exitOnCtrlC: false,
      patchConsole: false,
    });
    this.#clock = setInterval(this.#draw, frameMs[this.#mode]);
    this.#draw();
  }

  #element() {
    return this.#mode === 'inline' ? (
      <App screen={this.#inline} interactive={this.#interactive} />
    ) : (
      <FullApp
        screen={this.#full}
        canvas={this.#canvas}
        theme={this.#theme}
        interactive={this.#interactive}
      />
    );
  }

  /** Gives the terminal back. What is below the prompt is erased, unless it is the last frame. */
  #unmount(isLast = false): void {
    const app = this.#app;
    if (app === null) return;
    if (this.#clock !== null) clearInterval(this.#clock);
    app.unmount();
    if (this.#mode !== 'inline') writeAsIs(this.#io.stderr, this.#canvas.withoutPictures() + leaveScreen);
    // The cursor is below the frame.
    else if (!isLast) writeAsIs(this.#io.stderr, `\r\u001B[${this.#inline.lines().length}A\u001B[J`);
    this.#app = null;
  }

  async #end(): Promise<void> {
    if (this.#ended) return;
    this.#ended = true;
    const app = this.#app;
    if (this.#mode === 'inline' && app !== null) {
      this.#inline.end();
      // Ink takes what it was given last into its frame at once, where a change of the screen waits for React.
      app.rerender(this.#element());
    }
    this.#unmount(true);
    await app?.waitUntilExit();
    this.#io.stderr.off('resize', this.#draw);
    for (const forget of this.#forget) forget();
  }

  #onInlineEffect(effect: Effect): void {
    if (effect === 'quit') this.#leave();
    else if (effect === 'suspend') this.#suspend();
    else if (effect === 'full') this.#switchTo('full');
    else if (effect === 'pause') this.#io.control?.pause(!this.#state().isPaused);
    else this.#io.onInterrupt();
  }

  #onFullEffect(effect: FullEffect): void {
    switch (effect.type) {
      case 'drain':
      case 'stop':
        if (this.#isComplete()) this.#leave();
        else this.#io.onInterrupt();
        return;
      case 'quit': {
        this.#leave();
        return;
      }
      case 'inline':
        if (this.#isComplete()) this.#full.say('the run has ended; q leaves');
        else this.#switchTo('inline');
        return;
      case 'suspend': {
        this.#suspend();
        return;
      }
      case 'redraw': {
        this.#canvas.forget();
        this.#canvas.flush(sizeOf(this.#io.stderr));
        return;
      }
      case 'copy': {
        this.#copy(effect.text, effect.what);
        return;
      }
      case 'images': {
        this.#askForGraphics();
        return;
      }
      case 'pause':
        this.#io.control?.pause(effect.paused);
        this.#full.say(effect.paused ? 'paused: what runs is finished, and p goes on' : 'the run goes on');
        return;
      case 'cancel': {
        const problem = this.#io.control?.cancel(effect.cell) ?? null;
        this.#full.say(problem ?? `cancelled ${effect.cell}`);
        return;
      }
      case 'retry': {
        const problem = this.#io.control?.retry(effect.cells) ?? null;
        this.#full.say(problem ?? `trying ${effect.what} again`);
        return;
      }
      case 'pager':
        void this.#page(effect.path);
        return;
      case 'open':
        this.#io.host?.open(effect.path);
        return;
      case 'time':
        this.#recording?.move(effect.move);
        return;
      default:
        effect satisfies never;
    }
  }

  /** Leaves the screen: at the end of a run to its summary, before that to what the caller wants. */
  #leave(): void {
    this.#quit();
    if (this.#recording === null && this.#isComplete()) return;
    // Without a screen there is no key to let it go on.
    this.#io.control?.pause(false);
    this.#io.onQuit(async () => {
      await this.#end();
      return this.#state();
    });
  }

  #switchTo(mode: LiveMode): void {
    this.#unmount();
    this.#mode = mode;
    this.#mount();
  }

  #suspend(): void {
    const { host } = this.#io;
    if (host === undefined) return;
    this.#unmount();
    host.stop();
  }

  /**
   * Queries the terminal once whether it can show pictures of pixels. Until it answers, and for ever if it does not, they are drawn with
   * characters. Without colours or Unicode nothing is asked.
   */
  #askForGraphics(): void {
    const { colour, glyphs } = this.#theme;
    if (this.#answers !== null || !this.#interactive || !colour || glyphs.pointer === '>') return;
    const { stderr, environment } = this.#io;
    this.#answers = createAnswerReader(
      () => sizeOf(stderr),
      (graphics) => {
        this.#graphics = graphics;
        // A terminal that does not know the query may have printed it.
        this.#canvas.forget();
        this.#canvas.flush(sizeOf(stderr));
        this.#draw();
      },
    );
    writeAsIs(stderr, graphicsQuery(environment));
  }

  /** By the sequence OSC 52, which terminals pass to the clipboard, also from another machine. */
  #copy(text: string, what: string): void {
    const bytes = Buffer.from(visibleText(text));
    if (bytes.length > mostCopied) {
      this.#full.say(`${what} is too long for the clipboard; e opens the log`);
      return;
    }
    writeAsIs(this.#io.stderr, `\u001B]52;c;${bytes.toString('base64')}\u0007`);
    this.#full.say(`copied ${what}`);
  }

  async #page(cell: string): Promise<void> {
    const { host, logOf } = this.#io;
    if (host === undefined || logOf === undefined) {
      this.#full.say('there is no log file here');
      return;
    }
    const path = logOf(cell);
    if (path === null) {
      this.#full.say(`${cell} has printed nothing`);
      return;
    }
    this.#unmount();
    const problem = await host.page(path);
    this.#mount();
    if (problem !== null) this.#full.say(problem);
  }
}
