import { ImportError } from '../imported/errors.ts';

/** A file of `torch.export.save` cannot be read or converted. The message says what is wrong, but not in which file. */
export class TorchExportError extends ImportError {
  override readonly name = 'TorchExportError';
}

export function damaged(problem: string): TorchExportError {
  return new TorchExportError(
    'damaged',
    `the file is not a whole program of torch.export: ${problem}`,
    'write it again with torch.export.save',
  );
}

export function tooLarge(problem: string): TorchExportError {
  return new TorchExportError(
    'too-large',
    `the program exceeds what is read: ${problem}`,
    'give a classifier of images, whose files are far below these limits',
  );
}
