import { PassThrough, Writable } from 'node:stream';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { paint, plainText } from '../../src/console/styled-text.ts';
import { hasUnsafeCharacters, jsonText, visibleLine, visibleText } from '../../src/console/visible-text.ts';
import {
  isFailure,
  lossOf,
  onLoss,
  writeLine,
  writeStyled,
  writeText,
  written,
} from '../../src/console/write.ts';

/** A stream whose every write fails with this code, as Node reports it: later, as an event. */
function failing(code: string): { readonly stream: Writable; readonly attempts: () => number } {
  let attempts = 0;
  const stream = new Writable({
    autoDestroy: false,
    write(_chunk, _encoding, done) {
      attempts++;
      setImmediate(() => done(Object.assign(new Error(code), { code })));
    },
  });
  return { stream, attempts: () => attempts };
}

function textOf(write: (stream: PassThrough) => void): string {
  const stream = new PassThrough();
  write(stream);
  return String(stream.read() ?? '');
}

describe('text for a console', () => {
  it('shows what would control a terminal or turn the direction of its text, and keeps the rest', () => {
    const hostile = '\u001B]0;title\u0007\u001B[2J\u009B31m\b\u007F\rfake \u202Etxt\u2066\u200F\u061C';
    expect(visibleText(hostile)).toBe('�]0;title��[2J�31m���fake �txt���');
    expect(visibleText('tab\t, line\nline\r\nå 日本 👩‍🔬')).toBe('tab\t, line\nline\r\nå 日本 👩‍🔬');
  });

  it('is one line where a line is wanted', () => {
    expect(visibleLine('done\n[00:01] FAILED a\r\nb\rc\td')).toBe('done [00:01] FAILED a b c d');
  });

  it('has no unsafe character, whatever it is made of', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        expect(visibleText(text)).not.toMatch(
          /[\u0000-\u0008\u000B\u000C\u000E-\u001F\u007F-\u009F]|\r(?!\n)/,
        );
        expect(visibleLine(text)).not.toMatch(/[\u0000-\u001F\u007F-\u009F\p{Bidi_Control}]/u);
        expect(hasUnsafeCharacters(visibleLine(text))).toBe(false);
      }),
    );
  });

  it('keeps the colours that are ours and none that came with the text', () => {
    const styled = [
      { text: 'error', style: 'red' },
      { text: ': a\u001B[32mb', style: 'plain' },
    ] as const;
    expect(textOf((stream) => writeStyled(stream, styled, true))).toBe('\u001B[31merror\u001B[0m: a�[32mb');
    expect(textOf((stream) => writeStyled(stream, styled, false))).toBe('error: a�[32mb');
    expect(plainText(styled)).toBe('error: a\u001B[32mb');
    expect(paint({ text: 'x', style: 'plain' })).toBe('x');
  });

  it('is the same value as JSON, with escapes for what is unsafe', () => {
    const value = { a: '\u001B\u009B\u202E\u007F', b: ['å\n'] };
    expect(jsonText(value)).toBe('{"a":"\\u001b\\u009b\\u202e\\u007f","b":["å\\n"]}');
    expect(JSON.parse(jsonText(value, 2))).toEqual(value);
  });
});

describe('a console', () => {
  it.each(['EPIPE', 'ENOSPC', 'EIO'])('that fails with %s takes no more, and says so once', async (code) => {
    const { stream, attempts } = failing(code);
    let losses = 0;
    onLoss(stream, () => losses++);
    expect(lossOf(stream)).toBeNull();
    writeLine(stream, 'first');
    await written(stream);
    expect(lossOf(stream)).toMatchObject({ code });
    for (let line = 0; line < 3; line++) writeText(stream, 'more');
    await written(stream);
    expect({ attempts: attempts(), losses }).toEqual({ attempts: 1, losses: 1 });
    onLoss(stream, () => losses++);
    expect(losses).toBe(2);
    expect(isFailure(lossOf(stream))).toBe(code !== 'EPIPE');
  });

  it('that throws at once does not throw at the one who writes', () => {
    const stream = {
      write: () => {
        throw Object.assign(new Error('closed'), { code: 'ERR_STREAM_DESTROYED' });
      },
    };
    writeText(stream, 'text');
    expect(lossOf(stream)).toMatchObject({ code: 'ERR_STREAM_DESTROYED' });
  });

  it('gets a line break at the end of a line that has none', () => {
    expect(textOf((stream) => ['a', 'b\n', ''].forEach((line) => writeLine(stream, line)))).toBe('a\nb\n\n');
  });
});
