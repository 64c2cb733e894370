import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import sharp from 'sharp';
import { sharedData } from '../stages/shared-data.ts';

/** The first photographs of the sample, 256×256 RGB; null, said on stderr, where they are absent. */
export async function photographs(
  count: number,
): Promise<{ readonly pixels: Uint8Array; readonly shape: [number, number, number, number] } | null> {
  const folder = sharedData('imagenet-sample/val');
  if (folder === null) return null;
  const files = readdirSync(folder)
    .sort()
    .flatMap((name) => readdirSync(join(folder, name)).map((file) => join(folder, name, file)))
    .slice(0, count);
  const pixels = new Uint8Array(files.length * 256 * 256 * 3);
  for (const [index, file] of files.entries())
    pixels.set(await sharp(file).removeAlpha().raw().toBuffer(), index * 256 * 256 * 3);
  return { pixels, shape: [files.length, 256, 256, 3] };
}
