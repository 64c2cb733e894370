import { Type } from '@sinclair/typebox';
import { defenseStage } from './shared/defense-stage.ts';

/** Crop ensemble (Graese et al. 2016; Guo et al. 2018, section 4.1). */
export const cropStage = defenseStage({
  uses: 'defense/crop',
  version: 1,
  summary: 'Random square crops, resized back to the size of the image; predictions are averaged over them',
  with: {
    crops: Type.Integer({
      unit: 'views',
      minimum: 1,
      maximum: 1000,
      default: 30,
      description: 'crops of each image, its views; 30 in the paper',
    }),
    size: Type.Integer({
      minimum: 1,
      default: 90,
      unit: 'px',
      description: 'side of a crop; 90 of 224 in the paper',
    }),
  },
  example: { crops: 4, size: 8 },
  gives: 'float32 images, `crops` views of each',
  onTheFly: true,
  views: ({ crops }) => crops,
  load: async () => (await import('../../defenses/crop.ts')).crop,
});
