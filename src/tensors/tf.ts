/**
 * The only import of TensorFlow.js. Everything else imports `tf` from here, or only types from the package.
 */
import { createRequire } from 'node:module';
import type * as tensorflow from '@tensorflow/tfjs';
import { inPhase } from '../timing/phases.ts';

const require = createRequire(import.meta.url);

/** Not imported, because Node would read the 3 MB of the package twice, in search of its exports: 0.3 s. */
export const tf = inPhase('open', () => require('@tensorflow/tfjs') as typeof tensorflow);

// Production mode also silences the advice that the package prints when it is first used under Node.
tf.enableProdMode();
