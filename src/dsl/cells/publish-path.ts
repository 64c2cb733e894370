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
