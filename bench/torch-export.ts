/**
 * Networks of torch.export against what PyTorch computed: npm run bench -- torch-export FOLDER [BACKEND] [NAME], with the folder that
 * test/reference/torch_export_models.py wrote. Of each file it prints the largest difference of the logits, relative to the
 * largest logit, and the median over the images of the relative distance of the input gradient.
 */
import { buildTorchExportModel } from '../src/stages/model/shared/build-torch-export.ts';
import { compareExported } from './exported-networks.ts';

await compareExported({
  extension: '.pt2',
  heads: ['network'],
  nameOf: (file) => [file.replace('.pt2', '')],
  build: buildTorchExportModel,
});
