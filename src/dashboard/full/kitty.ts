/** The graphics protocol of kitty, https://sw.kovidgoyal.net/kitty/graphics-protocol, which other terminals have too. */
import { deflateSync } from 'node:zlib';

const [begin, end] = ['\u001B_G', '\u001B\\'];
/** Bytes of base64 that a sequence may carry. */
const chunkBytes = 4096;

/**
 * The sequences that draw RGB bytes `[height, width, 3]` from the cursor to the right and down, and leave the cursor where it is. The
 * terminal answers nothing.
 */
export function encodeKitty(rgb: Uint8Array, width: number, height: number, id: number): string {
  const data = deflateSync(rgb).toString('base64');
  let text = '';
  for (let from = 0; from < data.length; from += chunkBytes) {
    const keys = from === 0 ? `a=T,f=24,o=z,s=${width},v=${height},i=${id},C=1,q=2,` : '';
    const hasMore = from + chunkBytes < data.length ? 1 : 0;
    text += `${begin}${keys}m=${hasMore};${data.slice(from, from + chunkBytes)}${end}`;
  }
  return text;
}

/** Takes a picture off the screen and out of the terminal's memory. */
export function deleteKitty(id: number): string {
  return `${begin}a=d,d=I,i=${id},q=2${end}`;
}
