import { cutName, foldedName, mostNameBytes } from '../../files/file-names.ts';
import type { AxisLabel } from '../graph.ts';

/** Most bytes of a label in a path; a longer one is cut. */
const mostLabelBytes = 200;

/**
 * The path of a published output for a cell: `{axis}` becomes the cell's label, so that no label leads out of its folder, hides a file
 * or has a name that no file system takes. `/` and `\\` become `-`, as in `8/255`, signs that are not seen are left out, dots at the
 * beginning of a name become `_`, and a long label is cut and gets a part of its digest.
 */
export function publishPath(path: string, axes: Readonly<Record<string, AxisLabel>>): string {
  return path
    .split(/([/\\])/)
    .map((part) =>
      part.replaceAll(/\{([^{}]+)\}/g, (whole, axis: string, at: number) => {
        if (!Object.hasOwn(axes, axis)) return whole;
        const label = partOfName(String(axes[axis]!));
        return at === 0 ? label.replace(/^\.+/, (dots) => '_'.repeat(dots.length)) : label;
      }),
    )
    .join('');
}

function partOfName(label: string): string {
  const seen = label.replaceAll(/[/\\]/g, '-').replaceAll(/[\p{Cc}\p{Cf}\u2028\u2029]/gu, '');
  return cutName(seen === '' ? '_' : seen, mostLabelBytes);
}

const namesOfTools = new Set(['node_modules', 'package.json', 'package-lock.json', 'npm-shrinkwrap.json']);

/**
 * Returns why nothing may be published to a path relative to the project's root, or null. Hidden files and folders,
 * packages and package.json belong to the tools of the project, some of which run what they find there. Signs that are
 * not seen are refused too, because some file systems ignore them in names.
 */
export function whyProtected(path: string): string | null {
  for (const part of path.split(/[/\\]/)) {
    // Some file systems know neither case nor forms of Unicode.
    const name = foldedName(part);
    if (/[\p{Cc}\p{Cf}\u2028\u2029]/u.test(part)) return 'its name has a sign that cannot be seen';
    if (name.startsWith('.')) return `'${part}' is hidden, and belongs to the tools of the project`;
    if (namesOfTools.has(name)) return `'${part}' belongs to the tools of the project`;
  }
  return null;
}

/** Returns why file systems would refuse the path, or null. */
export function whyUnwritable(path: string): string | null {
  const bytes = Math.max(...path.split(/[/\\]/).map((part) => Buffer.byteLength(part)));
  return bytes <= mostNameBytes
    ? null
    : `a name in it has ${bytes} bytes, and file systems take ${mostNameBytes}`;
}
