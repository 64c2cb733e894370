/** Writes weights as a file that `readWeightFile` takes unchanged. */
import type { WeightTensor } from '../../values/model.ts';
import { encodeSafetensors } from '../../values/safetensors.ts';
import type { StoredTensor } from '../../values/safetensors.ts';

/**
 * Encodes float32 safetensors in ravelin's layout (HWIO, [in, out]), marked as such. `architecture` is for
 * people who read the header.
 */
export function encodeWeights(
  architecture: string,
  weights: Readonly<Record<string, WeightTensor>>,
): Uint8Array {
  return encoded(weights, { layout: 'ravelin', architecture });
}

/**
 * Encodes float32 safetensors in PyTorch's layout (OIHW, [out, in]), which `load_state_dict` and `readWeightFile` take.
 * `weights` are those of `torchWeights`.
 */
export function encodeTorchWeights(
  architecture: string,
  weights: Readonly<Record<string, WeightTensor>>,
): Uint8Array {
  return encoded(weights, { format: 'pt', architecture });
}

function encoded(
  weights: Readonly<Record<string, WeightTensor>>,
  metadata: Readonly<Record<string, string>>,
): Uint8Array {
  const tensors = Object.entries(weights).map(([name, { shape, data }]): [string, StoredTensor] => [
    name,
    { dtype: 'F32', shape, data },
  ]);
  return encodeSafetensors(Object.fromEntries(tensors), metadata);
}
