import { fetchWeights, publishedWeights } from '../../setup/published-weights.ts';
import { nearest } from '../../values/nearest.ts';
import { exitCodes, type ExitCode, UsageError } from '../exit-codes.ts';
import { complain, formatBytes, print } from '../output.ts';

/** Fetches published weights with pip, and prints the stage that reads them. Throws `SetupError` if they cannot be fetched. */
export async function weightsFetch(name: string, options: { readonly to?: string }): Promise<ExitCode> {
  const published = Object.hasOwn(publishedWeights, name) ? publishedWeights[name] : undefined;
  if (published === undefined) {
    const near = nearest(name, Object.keys(publishedWeights));
    throw new UsageError(
      `no published weights of '${name}' are known${near === undefined ? '' : `; did you mean '${near}'?`}`,
      `use one of ${Object.keys(publishedWeights).join(', ')}; weights of other networks are read by model/NAME and model/onnx`,
    );
  }
  const { to = `${name}.pth` } = options;
  const { requirement, bytes, licence, parameters } = published;
  const outcome = await fetchWeights(published, to);
  complain(
    outcome === 'fetched'
      ? `wrote ${to}, ${formatBytes(bytes)}, from ${requirement} (${licence})`
      : `${to} is there already, as it was published`,
  );
  print(`network: { uses: model/${name}, with: { weights: ${to}${parameters} } }`);
  return exitCodes.ok;
}
