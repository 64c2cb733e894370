/** Writes network files. */
import type { NetworkModel } from '../../values/model.ts';
import { networkFormat, networkVersion } from './schema.ts';

/** The content of a network file, whose weights lie in `weightsFile` in the same folder. */
export function networkFileValue({ network, preprocessing }: NetworkModel, weightsFile: string) {
  const { architecture, inputShape, classes, output, nodes } = network;
  return {
    format: networkFormat,
    version: networkVersion,
    architecture,
    inputShape,
    classes,
    preprocessing,
    weights: { file: weightsFile, layout: 'ravelin' },
    output,
    nodes,
  };
}

/**
 * The text of a network file, a line for each node; `encodeWeights` writes its weights. Numbers are written so that they
 * are read as the same bits.
 */
export function networkFileText(model: NetworkModel, weightsFile: string): string {
  const { nodes, ...head } = networkFileValue(model, weightsFile);
  const lines = Object.entries(head).map(
    ([key, value]) => `  ${JSON.stringify(key)}: ${JSON.stringify(value)},\n`,
  );
  const items = nodes.map((node) => `    ${JSON.stringify(node)}`).join(',\n');
  return `{\n${lines.join('')}  "nodes": [\n${items}\n  ]\n}\n`;
}
