import type { Stage, StageRegistry } from '../runtime/stage.ts';
import { adaptiveStage } from './attack/adaptive.ts';
import { apgdStage } from './attack/apgd.ts';
import { apgdMinimalStage } from './attack/apgd-minimal.ts';
import { autoAttackStage } from './attack/auto-attack.ts';
import { cwL2Stage } from './attack/cw-l2.ts';
import { ddnStage } from './attack/ddn.ts';
import { deepfoolStage } from './attack/deepfool.ts';
import { fabStage } from './attack/fab.ts';
import { fgsmStage } from './attack/fgsm.ts';
import { fmnStage } from './attack/fmn.ts';
import { hopSkipJumpStage } from './attack/hop-skip-jump.ts';
import { iFgsmStage } from './attack/i-fgsm.ts';
import { miFgsmStage } from './attack/mi-fgsm.ts';
import { noiseStage } from './attack/noise.ts';
import { noAttackStage } from './attack/none.ts';
import { pgdStage } from './attack/pgd.ts';
import { spsaStage } from './attack/spsa.ts';
import { squareStage } from './attack/square.ts';
import { transferStage } from './attack/transfer.ts';
import { cifar10Stage } from './dataset/cifar10.ts';
import { imageFolderStage } from './dataset/image-folder.ts';
import { mnistStage } from './dataset/mnist.ts';
import { safetensorsStage } from './dataset/safetensors.ts';
import { constantStage } from './debug/constant.ts';
import { sleepStage } from './debug/sleep.ts';
import { bitDepthStage } from './defense/bit-depth.ts';
import { cropStage } from './defense/crop.ts';
import { jpegStage } from './defense/jpeg.ts';
import { medianStage } from './defense/median.ts';
import { nonLocalMeansStage } from './defense/non-local-means.ts';
import { noDefenseStage } from './defense/none.ts';
import { noiseDefenseStage } from './defense/noise.ts';
import { nullificationStage } from './defense/nullification.ts';
import { patchDatabaseStage } from './defense/patch-database.ts';
import { quiltingStage } from './defense/quilting.ts';
import { tvmStage } from './defense/tvm.ts';
import { certifiedStage } from './evaluate/certified.ts';
import { optimalityStage } from './evaluate/optimality.ts';
import { preprocessingStage } from './evaluate/preprocessing.ts';
import { robustnessCurveStage } from './evaluate/robustness-curve.ts';
import { robustnessStage } from './evaluate/robustness.ts';
import { traceStage } from './evaluate/trace.ts';
import { worstCaseStage } from './evaluate/worst-case.ts';
import { cnnStage } from './model/cnn.ts';
import { publishedModelStages } from './model/published.ts';
import { networkStage } from './model/network.ts';
import { onnxStage } from './model/onnx.ts';
import { torchExportStage } from './model/torch-export.ts';
import { tfjsStage } from './model/tfjs.ts';
import { pythonStage } from './model/python.ts';
import { averageStage } from './predict/average.ts';
import { classifyStage } from './predict/classify.ts';
import { curvesStage } from './report/curves.ts';
import { htmlStage } from './report/html.ts';
import { imagesStage } from './report/images.ts';
import { tableStage } from './report/table.ts';
import { adversarialStage } from './train/adversarial.ts';
import { sgdStage } from './train/sgd.ts';

const all: readonly Stage[] = [
  cifar10Stage,
  imageFolderStage,
  mnistStage,
  safetensorsStage,
  cnnStage,
  ...publishedModelStages,
  pythonStage,
  tfjsStage,
  onnxStage,
  networkStage,
  torchExportStage,
  adversarialStage,
  sgdStage,
  adaptiveStage,
  fgsmStage,
  iFgsmStage,
  miFgsmStage,
  transferStage,
  deepfoolStage,
  cwL2Stage,
  pgdStage,
  apgdStage,
  apgdMinimalStage,
  squareStage,
  spsaStage,
  hopSkipJumpStage,
  fabStage,
  ddnStage,
  fmnStage,
  autoAttackStage,
  noiseStage,
  noAttackStage,
  bitDepthStage,
  cropStage,
  jpegStage,
  medianStage,
  nonLocalMeansStage,
  noDefenseStage,
  noiseDefenseStage,
  nullificationStage,
  patchDatabaseStage,
  quiltingStage,
  tvmStage,
  averageStage,
  classifyStage,
  robustnessStage,
  robustnessCurveStage,
  certifiedStage,
  optimalityStage,
  preprocessingStage,
  worstCaseStage,
  traceStage,
  curvesStage,
  htmlStage,
  imagesStage,
  tableStage,
  constantStage,
  sleepStage,
];

/** Every stage type that comes with ravelin, by `uses`. */
export const stages: StageRegistry = new Map(all.map((stage) => [stage.uses, stage]));
