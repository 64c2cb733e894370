import { Type } from '@sinclair/typebox';
import { defenseStage } from './shared/defense-stage.ts';

/** JPEG compression (Dziugaite et al. 2016; Guo et al. 2018, section 4.1). */
export const jpegStage = defenseStage({
  uses: 'defense/jpeg',
  // 2: attacks use the derivative of JPEG; the images are those of version 1.
  version: 2,
  summary: 'JPEG compression and decompression, with the pixels of libjpeg-turbo',
  with: {
    quality: Type.Integer({
      unit: 'JPEG quality',
      minimum: 1,
      maximum: 100,
      default: 75,
      description: 'JPEG quality; 75 in the paper',
    }),
    chroma: Type.Union([Type.Literal('4:2:0'), Type.Literal('4:4:4')], {
      default: '4:2:0',
      description: 'chroma subsampling of colour images: halved in both directions, or full',
    }),
  },
  takes: 'images of 1 or 3 channels to transform',
  gives: 'uint8 images',
  givesBytes: true,
  load: async () => (await import('../../defenses/jpeg.ts')).jpeg,
});
