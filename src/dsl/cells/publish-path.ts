import type { AxisLabel } from '../graph.ts';

/**
 * The path of a published output for a cell: `{axis}` becomes the cell's label, in which `/` and `\` become
 * `-`, so that the label `8/255` names one file and no label leads out of its folder.
 */
export function publishPath(path: string, axes: Readonly<Record<string, AxisLabel>>): string {
  return path.replaceAll(/\{([^{}]+)\}/g, (whole, axis: string) => {
    const label = Object.hasOwn(axes, axis) ? axes[axis] : undefined;
    return label === undefined ? whole : String(label).replaceAll(/[/\\]/g, '-');
  });
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
    const name = part.normalize('NFKC').toLowerCase();
    if (/[\p{Cc}\p{Cf}\u2028\u2029]/u.test(part)) return 'its name has a sign that cannot be seen';
    if (name.startsWith('.')) return `'${part}' is hidden, and belongs to the tools of the project`;
    if (namesOfTools.has(name)) return `'${part}' belongs to the tools of the project`;
  }
  return null;
}
