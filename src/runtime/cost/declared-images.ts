import { existsSync } from 'node:fs';
import { StageError, type Stage, type StageRegistry } from '../stage.ts';

/** A cell whose data are not there, so that its parameters were believed. */
export interface MissingData {
  readonly uses: string;
  readonly message: string;
  /** Images by the parameters; null for a stage that makes none. */
  readonly images: number | null;
  /** The file holds the network itself, so that nothing is known of what reads it. */
  readonly isNetwork?: true;
}

/**
 * The same stage types for estimates: if the data of one are not there, the number of images follows from its parameters.
 * What is planned with them must not run. `onMissing` is called for each such cell, with its parameters.
 */
export function withDeclaredImages(
  registry: StageRegistry,
  onMissing: (missing: MissingData) => void,
): StageRegistry {
  return new Map([...registry].map(([uses, stage]) => [uses, declared(stage, onMissing)]));
}

function sortFiles(files: readonly string[]): { readonly there: string[]; readonly missing: string[] } {
  const there = files.filter((file) => existsSync(file));
  return { there, missing: files.filter((file) => !there.includes(file)) };
}

function declared(stage: Stage, onMissing: (missing: MissingData) => void): Stage {
  const { survey, declaredImages, uses } = stage;
  if (survey === undefined) return stage;
  const makesImages = Object.values(stage.out).some(({ kind }) => kind === 'images');
  return {
    ...stage,
    survey: async (context) => {
      try {
        const found = await survey(context);
        // Weights, whose sizes follow from the network.
        if (found.images !== undefined) return found;
        const { there, missing } = sortFiles(found.files(0, 0));
        if (missing.length > 0)
          onMissing({
            ...{ uses, message: `${missing.join(' and ')} does not exist`, images: null },
            ...(found.outline !== undefined && { isNetwork: true }),
          });
        return { ...found, files: () => there };
      } catch (error) {
        if (!(error instanceof StageError)) throw error;
        const images = makesImages ? (declaredImages?.(context.params) ?? null) : null;
        if (makesImages && images === null) throw error;
        onMissing({ uses, message: error.message, images });
        return { ...(images !== null && { images }), files: () => [] };
      }
    },
  };
}
