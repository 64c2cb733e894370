import type { Value } from './value.ts';

/** One line for people: `1000 images 28×28×1 float32, attacked`. */
export function summarize(value: Value): string {
  switch (value.kind) {
    case 'images': {
      const [rows, height, width, channels] = value.shape;
      const views = value.views === 1 ? '' : ` × ${value.views} views`;
      const type = value.pixels instanceof Uint8Array ? 'uint8' : 'float32';
      return `${rows / value.views} images${views} ${height}×${width}×${channels} ${type}${value.perturbation ? ', attacked' : ''}`;
    }
    case 'model': {
      const parameters = Object.values(value.weights).reduce((sum, { data }) => sum + data.length, 0);
      return `${value.network.architecture}, ${parameters.toLocaleString('en')} weights, ${value.network.classes} classes`;
    }
    case 'patches': {
      const [count, size, , channels] = value.shape;
      return `${count.toLocaleString('en')} patches ${size}×${size}×${channels}`;
    }
    case 'transform':
      return value.steps.length === 0 ? 'identity' : value.steps.map(({ name }) => name).join(' → ');
    case 'predictions':
      return `${value.shape[0]} predictions over ${value.shape[1]} classes`;
    case 'metrics':
      return `${value.rows.length} row${value.rows.length === 1 ? '' : 's'} of metrics`;
    case 'figure':
      return `${value.title || 'figure'} (${Object.keys(value.files).join(', ')})`;
  }
}
