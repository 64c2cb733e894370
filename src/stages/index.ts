import type { Stage, StageRegistry } from '../runtime/stage.ts';
import { adaptiveStage } from './attack/adaptive.ts';
import { cwL2Stage } from './attack/cw-l2.ts';
import { deepfoolStage } from './attack/deepfool.ts';
import { fgsmStage } from './attack/fgsm.ts';
import { iFgsmStage } from './attack/i-fgsm.ts';
import { miFgsmStage } from './attack/mi-fgsm.ts';
import { noiseStage } from './attack/noise.ts';
import { noAttackStage } from './attack/none.ts';
import { pgdStage } from './attack/pgd.ts';
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
import { nullificationStage } from './defense/nullification.ts';
import { patchDatabaseStage } from './defense/patch-database.ts';
import { quiltingStage } from './defense/quilting.ts';
import { tvmStage } from './defense/tvm.ts';
import { robustnessStage } from './evaluate/robustness.ts';
import { cnnStage } from './model/cnn.ts';
import { publishedModelStages } from './model/published.ts';
import { tfjsStage } from './model/tfjs.ts';
import { averageStage } from './predict/average.ts';
import { classifyStage } from './predict/classify.ts';
import { curvesStage } from './report/curves.ts';
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
  tfjsStage,
  adversarialStage,
  sgdStage,
  adaptiveStage,
  fgsmStage,
  iFgsmStage,
  miFgsmStage,
  deepfoolStage,
  cwL2Stage,
  pgdStage,
  noiseStage,
  noAttackStage,
  bitDepthStage,
  cropStage,
  jpegStage,
  medianStage,
  nonLocalMeansStage,
  noDefenseStage,
  nullificationStage,
  patchDatabaseStage,
  quiltingStage,
  tvmStage,
  averageStage,
  classifyStage,
  robustnessStage,
  curvesStage,
  imagesStage,
  tableStage,
  constantStage,
  sleepStage,
];

/** Every stage type that comes with ravelin, by `uses`. */
export const stages: StageRegistry = new Map(all.map((stage) => [stage.uses, stage]));
