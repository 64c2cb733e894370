import { type Stage, StageError, type StageRegistry } from '../runtime/stage.ts';
import { reinstall } from '../setup/reinstall.ts';

/**
 * Whether sharp could not be loaded. Its binary for this machine is an optional package of its own, and
 * without it an import of sharp throws a page of advice on its own installation.
 */
export function isMissingSharp(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  return (
    error.message.startsWith('Could not load the "sharp" module') || /package 'sharp'/.test(error.message)
  );
}

export const sharpIsMissing = 'sharp, which reads and writes images, is not installed for this machine';

/** The same stages; each says how to install sharp if it needs sharp and cannot load it. */
export function withSharpAdvice(registry: StageRegistry): StageRegistry {
  return new Map(Array.from(registry, ([uses, stage]) => [uses, advising(stage)]));
}

function advising(stage: Stage): Stage {
  const run: Stage['run'] = async (context) => {
    try {
      return await stage.run(context);
    } catch (error) {
      if (!isMissingSharp(error)) throw error;
      throw new StageError(sharpIsMissing, { fix: reinstall(), cause: error });
    }
  };
  return { ...stage, run };
}
