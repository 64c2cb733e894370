import type { Stage, StageRegistry } from '../runtime/stage.ts';
import { adaptive } from './attack/adaptive.ts';
import { cwL2 } from './attack/cw-l2.ts';
import { deepfool } from './attack/deepfool.ts';
import { fgsm } from './attack/fgsm.ts';
import { iFgsm } from './attack/i-fgsm.ts';
import { noise } from './attack/noise.ts';
import { noAttack } from './attack/none.ts';
import { pgd } from './attack/pgd.ts';
import { cifar10 } from './dataset/cifar10.ts';
import { imageFolder } from './dataset/image-folder.ts';
import { mnist } from './dataset/mnist.ts';
import { safetensorsDataset } from './dataset/safetensors.ts';
import { constant } from './debug/constant.ts';
import { sleep } from './debug/sleep.ts';
import { bitDepth } from './defense/bit-depth.ts';
import { crop } from './defense/crop.ts';
import { jpeg } from './defense/jpeg.ts';
import { median } from './defense/median.ts';
import { nonLocalMeans } from './defense/non-local-means.ts';
import { none } from './defense/none.ts';
import { patchDatabase } from './defense/patch-database.ts';
import { quilting } from './defense/quilting.ts';
import { tvm } from './defense/tvm.ts';
import { robustness } from './evaluate/robustness.ts';
import { cnn } from './model/cnn.ts';
import { publishedModels } from './model/published.ts';
import { tfjs } from './model/tfjs.ts';
import { average } from './predict/average.ts';
import { classify } from './predict/classify.ts';
import { reportCurves } from './report/curves.ts';
import { reportImages } from './report/images.ts';
import { reportTable } from './report/table.ts';
import { sgd } from './train/sgd.ts';

const all: readonly Stage[] = [
  cifar10,
  imageFolder,
  mnist,
  safetensorsDataset,
  cnn,
  ...publishedModels,
  tfjs,
  sgd,
  adaptive,
  fgsm,
  iFgsm,
  deepfool,
  cwL2,
  pgd,
  noise,
  noAttack,
  bitDepth,
  crop,
  jpeg,
  median,
  nonLocalMeans,
  none,
  patchDatabase,
  quilting,
  tvm,
  average,
  classify,
  robustness,
  reportCurves,
  reportImages,
  reportTable,
  constant,
  sleep,
];

/** Every stage type that comes with ravelin, by `uses`. */
export const stages: StageRegistry = new Map(all.map((stage) => [stage.uses, stage]));
