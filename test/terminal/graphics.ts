/** Reads what a program draws on a terminal in pixels, as such a terminal does. */
import { inflateSync } from 'node:zlib';

export interface DrawnPicture {
  readonly width: number;
  readonly height: number;
  /** RGB bytes, row by row from the top. */
  readonly rgb: Uint8Array;
}

/** The pictures that were sent in kitty's protocol, by their numbers, and the numbers of those that were deleted. */
export function readKitty(written: string): {
  readonly drawn: ReadonlyMap<number, DrawnPicture>;
  readonly deleted: readonly number[];
} {
  const drawn = new Map<number, DrawnPicture>();
  const deleted: number[] = [];
  let keys: Record<string, string> = {};
  let data = '';
  for (const match of written.matchAll(/\u001B_G([^;\u001B]*);?([^\u001B]*)\u001B\\/g)) {
    const now = Object.fromEntries(match[1]!.split(',').map((pair) => pair.split('='))) as Record<
      string,
      string
    >;
    if (now['a'] === 'd') deleted.push(Number(now['i']));
    if (now['a'] === 'T') [keys, data] = [now, ''];
    if (now['m'] === undefined) continue;
    data += match[2]!;
    if (now['m'] !== '0') continue;
    const [width, height] = [Number(keys['s']), Number(keys['v'])];
    const rgb = new Uint8Array(inflateSync(Buffer.from(data, 'base64')));
    if (keys['f'] !== '24' || keys['o'] !== 'z' || rgb.length !== 3 * width * height)
      throw new Error(`not ${width} × ${height} pixels: ${JSON.stringify(keys)}`);
    drawn.set(Number(keys['i']), { width, height, rgb });
  }
  return { drawn, deleted };
}

/** The pictures that were drawn as sixels, in their order. */
export function readSixels(written: string): readonly DrawnPicture[] {
  // A closed sequence only: the last one may have been cut.
  return [...written.matchAll(/\u001BP[\d;]*q"1;1;(\d+);(\d+)([^\u001B]*)\u001B\\/g)].map((match) =>
    readSixel(match[3]!, Number(match[1]), Number(match[2])),
  );
}

function readSixel(data: string, width: number, height: number): DrawnPicture {
  const rgb = new Uint8Array(3 * width * height);
  const palette = new Map<string, readonly number[]>();
  let [column, top, colour] = [0, 0, '0'];
  const tokens =
    /#(?<define>\d+);2;(?<r>\d+);(?<g>\d+);(?<b>\d+)|#(?<choose>\d+)|!(?<count>\d+)(?<repeated>[?-~])|(?<one>[?-~])|(?<move>[$-])/gy;
  let end = 0;
  for (const { groups = {}, index, 0: text } of data.matchAll(tokens)) {
    end = index + text.length;
    const { define, r, g, b, choose, count, repeated, one, move } = groups;
    if (define !== undefined)
      palette.set(
        define,
        [r, g, b].map((share) => Math.round((Number(share) * 255) / 100)),
      );
    else if (choose !== undefined) colour = choose;
    else if (move !== undefined) {
      column = 0;
      if (move === '-') top += 6;
    } else {
      const bits = (repeated ?? one)!.charCodeAt(0) - 63;
      for (let times = Number(count ?? 1); times > 0; times--, column++)
        for (let row = 0; row < 6; row++)
          if (bits & (1 << row)) {
            if (top + row >= height || column >= width) throw new Error('a sixel outside of the picture');
            rgb.set(palette.get(colour)!, 3 * ((top + row) * width + column));
          }
    }
  }
  if (end !== data.length) throw new Error(`not sixels: ${data.slice(end, end + 20)}`);
  return { width, height, rgb };
}
