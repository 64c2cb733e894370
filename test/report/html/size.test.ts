import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { unzipSync } from 'fflate';
import { afterAll, expect, it } from 'vitest';
import { largestPage, writePage } from '../../../src/cli/report/write-page.ts';
import { FilesBeside } from '../../../src/report/html/attachments.ts';
import { reportPage } from '../../../src/report/html/page.ts';
import { encodePng } from '../../../src/report/png.ts';
import { curvesFigure, gallery, richReport } from './rich-report.ts';

const folder = mkdtempSync(join(tmpdir(), 'ravelin-page-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

it('keeps a page of 100 figures small enough to be sent', () => {
  const figures = Array.from({ length: 100 }, (_, index) => curvesFigure(`figure-${index}`));
  expect(Buffer.byteLength(reportPage({ ...richReport, figures }))).toBeLessThan(largestPage);
});

it('has the same bytes for the same run', () => {
  expect(reportPage(richReport)).toBe(reportPage(richReport));
});

/** Bytes that no filter foresees: the mixing of MurmurHash3 (Appleby 2011), of a number. */
function noiseAt(index: number): number {
  let hash = Math.imul(index ^ (index >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) & 255;
}

/** A picture of 300 kB. */
const noise = encodePng({
  pixels: Uint8Array.from({ length: 320 * 320 * 3 }, (_, index) => noiseAt(index)),
  height: 320,
  width: 320,
  channels: 3,
});
const large = {
  ...richReport,
  figures: Array.from({ length: 25 }, (_, index) => ({
    ...richReport.figures[3]!,
    cell: `picture-${index}`,
    image: { type: 'image/png' as const, bytes: noise },
  })),
};

it('is a zip with its images beside the page if one file would be too large, with the same bytes each time', async () => {
  expect(Buffer.byteLength(reportPage(large))).toBeGreaterThan(largestPage);
  await writePage((attachments) => reportPage(large, attachments), join(folder, 'a.html'), {});
  await writePage((attachments) => reportPage(large, attachments), join(folder, 'b.html'), {});
  expect(readdirSync(folder).sort()).toEqual(['a.zip', 'b.zip']);
  const files = unzipSync(readFileSync(join(folder, 'a.zip')));
  const page = Buffer.from(files['a.html']!).toString();
  const named = [...page.matchAll(/(?:src|href)="(files\/[^"]+)"/g)].map(([, path]) => path!);
  expect(named).toHaveLength(25);
  for (const path of named) expect(Buffer.from(files[path]!).equals(noise)).toBe(true);
  const others = readFileSync(join(folder, 'b.zip'));
  expect(unzipSync(others)['b.html']).toEqual(files['a.html']);
  expect(others.length).toBe(readFileSync(join(folder, 'a.zip')).length);
});

it('is one file all the same if that is wanted', async () => {
  await writePage((attachments) => reportPage(large, attachments), join(folder, 'c.html'), {
    singleFile: true,
  });
  expect(readFileSync(join(folder, 'c.html'), 'utf8')).toBe(reportPage(large));
});

it('names files by what they are, inside one folder, and equal names apart', () => {
  const beside = new FilesBeside('files');
  const [one, other] = [Buffer.from('1'), Buffer.from('2')];
  expect(beside.address('../../a b.png', 'image/png', one)).toBe('files/__.._a_b.png');
  expect(beside.address('x.png', 'image/png', one)).toBe('files/x.png');
  expect(beside.address('x.png', 'image/png', one)).toBe('files/x.png');
  expect(beside.address('x.png', 'image/png', other)).toBe('files/x-2.png');
});

it('says under each image what the network says, and whether it is right', () => {
  const page = reportPage({ ...richReport, figures: [{ ...richReport.figures[2]!, gallery }] });
  expect(page.match(/class="card"/g)).toHaveLength(2 * 3);
  expect(page.match(/<span class="spoken">wrong: <\/span>ship 97 %/g)).toHaveLength(2 * 2);
  expect(page.match(/<span class="spoken">right: <\/span>ship 97 %/g)).toHaveLength(2);
  expect(page.match(/alt="difference of fgsm from the original"/g)).toHaveLength(2);
});
