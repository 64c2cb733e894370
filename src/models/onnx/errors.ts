import { ImportError } from '../imported/errors.ts';

/** An ONNX file cannot be read or converted. The message says what is wrong, but not in which file. */
export class OnnxError extends ImportError {
  override readonly name = 'OnnxError';
}

export function damaged(problem: string): OnnxError {
  return new OnnxError(
    'damaged',
    `the file is not a whole ONNX model: ${problem}`,
    'export or fetch it again',
  );
}

export function tooLarge(problem: string): OnnxError {
  return new OnnxError(
    'too-large',
    `the model exceeds what is read: ${problem}`,
    'give a classifier of images, whose files are far below these limits',
  );
}
