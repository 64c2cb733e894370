import { cifarTarget, idxTarget } from './data-files.ts';
import { graphModelTarget } from './graph-model.ts';
import { imagesTarget } from './images.ts';
import { layersModelTarget } from './layers-model.ts';
import { networkFileTarget } from './network-file.ts';
import { onnxTarget } from './onnx.ts';
import { safetensorsFileTarget, safetensorsTarget } from './safetensors.ts';
import type { OpenTarget } from './target.ts';
import { torchExportTarget } from './torch-export.ts';
import { pickleTarget, weightFilesTarget } from './weights.ts';
import { yamlTarget } from './yaml.ts';

/** Every reader of files that may come from anywhere, and its share of the inputs of a long run: less where an input takes long. */
export const targets: readonly { readonly open: OpenTarget; readonly share: number }[] = [
  { open: yamlTarget, share: 0.05 },
  { open: safetensorsTarget, share: 0.15 },
  { open: safetensorsFileTarget, share: 0.1 },
  { open: weightFilesTarget, share: 0.15 },
  { open: pickleTarget, share: 0.1 },
  { open: layersModelTarget, share: 0.1 },
  { open: graphModelTarget, share: 0.05 },
  { open: onnxTarget, share: 0.1 },
  { open: networkFileTarget, share: 0.05 },
  { open: torchExportTarget, share: 0.1 },
  { open: idxTarget, share: 0.05 },
  { open: cifarTarget, share: 0.03 },
  { open: imagesTarget, share: 0.02 },
];
