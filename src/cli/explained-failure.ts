import { StageError } from '../runtime/stage.ts';
import { WeightsError } from '../models/weights/errors.ts';
import { UsageError } from './exit-codes.ts';

/**
 * Turns the failures of a stage into those of a command that was given a file: it is missing, damaged or of another
 * network.
 */
export async function explained<Result>(file: string, read: () => Result | Promise<Result>): Promise<Result> {
  try {
    return await read();
  } catch (error) {
    if (error instanceof StageError) {
      // A stage advises on the pipeline if a file is missing, but this command does not have a pipeline.
      throw new UsageError(error.message, error.code === 'io' ? undefined : error.fix);
    }
    if (error instanceof WeightsError)
      throw new UsageError(
        `${file}: ${error.message}`,
        error.fix ?? 'give a safetensors file or a PyTorch state dictionary',
      );
    throw error;
  }
}
