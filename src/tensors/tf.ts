/**
 * The only access to the operations of TensorFlow.js. Everything else imports `tf` from here, or only types from the
 * package.
 */
import { inPhase } from '../timing/phases.ts';
import { loadTfjs } from './packages.ts';

export const tf = inPhase('open', loadTfjs);

// Production mode also silences the advice that the package prints when it is first used under Node.
tf.enableProdMode();
