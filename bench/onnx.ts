/**
 * Networks that PyTorch exported, against what PyTorch computed: npm run bench -- onnx FOLDER [BACKEND], with the folder that
 * test/reference/onnx_models.py wrote. Of each file it prints the largest difference of the logits, relative to the largest
 * logit, and the median over the images of the relative distance of the input gradient.
 */
import { buildOnnxModel } from '../src/stages/model/shared/build-onnx.ts';
import { compareExported } from './exported-networks.ts';

await compareExported({
  extension: '.onnx',
  heads: ['network', 'exporter'],
  nameOf: (file) => file.split('.').slice(0, 2),
  build: buildOnnxModel,
});
