import type { DefenseDeclaration, DefenseLibrary } from '../../defenses/defense.ts';
import { openTransform, type OpenTransform } from '../../defenses/open-transform.ts';
import { type Stage, StageError, type StageRegistry } from '../../runtime/stage.ts';
import type { ImageRows } from '../../values/image-rows.ts';
import type { Images } from '../../values/images.ts';
import type { Transform } from '../../values/transform.ts';

/** A stage that declares a defense, with which the recipes that name it are applied. */
export interface DefenseStage extends Stage {
  readonly defense: DefenseDeclaration<never>;
}

/** Defenses are named by the second half of their stage's `uses`. */
export const defensePrefix = 'defense/';

/** The defenses that the stages of a run declare, both built-in ones and those of plugins. */
export function defensesOf(stages: StageRegistry): DefenseLibrary {
  return (name) => {
    const stage = stages.get(`${defensePrefix}${name}`);
    return stage !== undefined && isDefenseStage(stage) ? stage.defense : undefined;
  };
}

export function isDefenseStage(stage: Stage): stage is DefenseStage {
  return 'defense' in stage;
}

/**
 * Opens a recipe for images. Throws `StageError` if no stage declares a defense, or if a step cannot take the
 * images.
 */
export async function openRecipe(
  transform: Transform,
  images: Images | ImageRows,
  stages: StageRegistry,
): Promise<OpenTransform> {
  const library = defensesOf(stages);
  const unknown = transform.steps.find(({ name }) => library(name) === undefined);
  if (unknown !== undefined) {
    const known = Array.from(stages.values()).filter(isDefenseStage);
    throw new StageError(
      `unknown defense '${unknown.name}'; known: ${known.map(({ uses }) => uses.slice(defensePrefix.length)).join(', ')}`,
      { fix: 'list the plugin that brings it under plugins:' },
    );
  }
  const opened = await openTransform(transform, library);
  checkImages(images, opened);
  return opened;
}

function checkImages(images: Images | ImageRows, transform: OpenTransform): void {
  const problem = transform.check(images.shape);
  if (problem !== null) throw new StageError(problem.message, { code: 'bad-data', fix: problem.fix });
  // Rows are read from the store, which holds none with a NaN.
  if ('read' in images || images.pixels instanceof Uint8Array) return;
  const wrong = images.pixels.findIndex(Number.isNaN);
  if (wrong < 0) return;
  const [, height, width, channels] = images.shape;
  const row = Math.floor(wrong / (height * width * channels));
  throw new StageError(
    `image ${images.ids[Math.floor(row / images.views)]!} has pixels that are not numbers (NaN)`,
    { code: 'bad-data', fix: 'find the stage that returns NaN among those that the images come from' },
  );
}
