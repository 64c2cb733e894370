import { basename, resolve } from 'node:path';
import type { Zippable } from 'fflate';
import { writeWhole } from '../../files/write-whole.ts';
import { type Attachments, FilesBeside, inside } from '../../report/html/attachments.ts';
import { UsageError } from '../exit-codes.ts';
import { complain, formatBytes } from '../output.ts';

/** Pages above this size are hard to send: mail servers and chats refuse them. */
export const largestPage = 5_000_000;

/**
 * Writes a page to one HTML file, or to a zip with its images beside it if the page would be too large to send or the path ends in `.zip`. Says
 * what it wrote. The same page gives the same bytes.
 */
export async function writePage(
  page: (attachments: Attachments) => string,
  path: string,
  { singleFile = false }: { readonly singleFile?: boolean },
): Promise<void> {
  const absolute = resolve(path);
  if (!/\.(html?|zip)$/i.test(absolute))
    throw new UsageError(
      `${path} has no ending that a report can have`,
      'end it in .html for a page, or in .zip for a page with its images beside it',
    );
  const isZip = /\.zip$/i.test(absolute);
  const whole = isZip ? null : Buffer.from(page(inside));
  if (whole !== null && (singleFile || whole.length <= largestPage)) {
    writeWhole(absolute, whole);
    complain(`wrote ${absolute} (${formatBytes(whole.length)})`);
    return;
  }
  const target = isZip ? absolute : `${absolute.replace(/\.html?$/i, '')}.zip`;
  const bytes = await zipOf(page, `${basename(target, '.zip')}.html`);
  writeWhole(target, bytes);
  if (whole !== null)
    complain(
      `the page would be ${megabytes(whole.length)}, and pages above ${megabytes(largestPage)} are hard to send, so it is a zip with its images beside it\n  fix: unpack it to read it; --single-file writes one file anyway`,
    );
  complain(`wrote ${target} (${formatBytes(bytes.length)})`);
}

function megabytes(bytes: number): string {
  return `${Number((bytes / 1e6).toFixed(1))} MB`;
}

async function zipOf(page: (attachments: Attachments) => string, name: string): Promise<Uint8Array> {
  const { zipSync } = await import('fflate');
  const beside = new FilesBeside('files');
  const text = page(beside);
  // A zip has a time for each file; this one, which reads as local time, keeps equal pages equal.
  const mtime = new Date(1980, 0, 1);
  const files: Zippable = { [name]: [Buffer.from(text), { mtime, level: 6 }] };
  for (const [path, bytes] of beside.files)
    files[path] = [bytes, { mtime, level: path.endsWith('.png') ? 0 : 6 }];
  return zipSync(files);
}
