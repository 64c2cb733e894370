import { paint, plainText, type StyledText } from './styled-text.ts';
import { visibleText } from './visible-text.ts';

/**
 * A stream that text for people or programs is written to, such as `process.stdout`. Streams of tests may lack
 * `on`.
 */
export interface TextStream {
  write(text: string): unknown;
  on?(event: 'error', listener: (error: Error) => void): unknown;
}

interface StreamState {
  loss: NodeJS.ErrnoException | null;
  readonly onLoss: (() => void)[];
}

const states = new WeakMap<TextStream, StreamState>();

/**
 * Writes text to a console. What would control a terminal is shown as `�`. This never throws: after the first
 * error of the stream (its reader has left, the disk behind it is full, the terminal is gone) nothing more is
 * written to it, and the work goes on. All text of ravelin is written here.
 */
export function writeText(stream: TextStream, text: string): void {
  writeAsIs(stream, visibleText(text));
}

/** Like `writeText`, and adds a line break if the text does not end in one. */
export function writeLine(stream: TextStream, text: string): void {
  writeText(stream, text.endsWith('\n') ? text : `${text}\n`);
}

/** Like `writeText`, with the styles if `colour` holds. */
export function writeStyled(stream: TextStream, styled: StyledText, colour: boolean): void {
  const visible = styled.map(({ text, style }) => ({ text: visibleText(text), style }));
  writeAsIs(stream, colour ? visible.map(paint).join('') : plainText(visible));
}

/**
 * Writes what already consists of escape sequences, for a display that composes them itself and has made its
 * text visible before.
 */
export function writeAsIs(stream: TextStream, text: string): void {
  const state = guardStream(stream);
  if (state.loss !== null) return;
  try {
    stream.write(text);
  } catch (error) {
    lose(state, error as NodeJS.ErrnoException);
  }
}

/** Takes the errors of a stream, which would otherwise end the process, also those that others cause. */
export function guardStream(stream: TextStream): StreamState {
  const known = states.get(stream);
  if (known !== undefined) return known;
  const state: StreamState = { loss: null, onLoss: [] };
  states.set(stream, state);
  stream.on?.('error', (error) => lose(state, error));
  return state;
}

/** Calls the listener once, when the first error ends the writing to this stream; at once if it has ended. */
export function onLoss(stream: TextStream, listener: () => void): void {
  const state = guardStream(stream);
  if (state.loss === null) state.onLoss.push(listener);
  else listener();
}

/** The error that ended the writing to a stream, or null. It is known only when what was written has been written. */
export function lossOf(stream: TextStream): NodeJS.ErrnoException | null {
  return guardStream(stream).loss;
}

/** Whether the text was lost, and not only its reader gone: `head` and `less` leave when they have enough. */
export function isFailure(loss: NodeJS.ErrnoException | null): loss is NodeJS.ErrnoException {
  return loss !== null && loss.code !== 'EPIPE';
}

/** Resolves when all that was written to this stream has been written, or is lost. */
export function written(stream: NodeJS.WritableStream): Promise<void> {
  if (lossOf(stream) !== null) return Promise.resolve();
  return new Promise((done) => {
    onLoss(stream, done);
    stream.write('', () => done());
  });
}

function lose(state: StreamState, error: NodeJS.ErrnoException): void {
  if (state.loss !== null) return;
  state.loss = error;
  for (const listener of state.onLoss.splice(0)) listener();
}
