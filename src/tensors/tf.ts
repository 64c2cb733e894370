/**
 * The only import of TensorFlow.js. Everything else imports `tf` from here, or only types from the package.
 */
import * as tf from '@tensorflow/tfjs';

// Production mode also silences the advice that the package prints when it is first used under Node.
tf.enableProdMode();

export { tf };
