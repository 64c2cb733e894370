import type { Json } from '../../values/json.ts';
import { isRadius, readableRadius } from '../../values/readable-number.ts';
import { parametersOf, readsPort, type RecordedCell, type RunRecipes } from './run-recipes.ts';

/** The origin of a score: which model saw which images, attacked how, behind which defense. */
export interface ScoreOrigin {
  readonly data: string;
  readonly model: string;
  /** `none` without one. */
  readonly defense: string;
  /** Null for images that no attack has changed. */
  readonly attack: AttackOrigin | null;
}

export interface AttackOrigin {
  readonly name: string;
  /** `dissimilarity 0.06`, `epsilon 8/255`; empty if the attack takes none. */
  readonly budget: string;
  /** It goes through a defense. */
  readonly isAdaptive: boolean;
  /** It was made on another model than the one that is judged. */
  readonly isTransferred: boolean;
}

/** Follows the recipes from a cell of scores to the data. Null if the cache has lost what lies between, or nothing was predicted. */
export function originOfScores(recipes: RunRecipes, scores: RecordedCell): ScoreOrigin | null {
  const predictions = withAverages(recipes, recipes.sources(scores, 'predictions'));
  if (predictions.length === 0) return null;
  const models = unique(predictions.flatMap((cell) => recipes.sources(cell, 'model')));
  const ways = predictions.map((prediction) => wayOfImages(recipes, prediction));
  const [way] = ways;
  if (way === undefined || models.length === 0) return null;
  const defenses = unique(ways.flatMap((one) => one.defenses)).filter(({ uses }) => uses !== 'defense/none');
  const { attack } = way;
  return {
    data: way.data === null ? '?' : nameOf(way.data),
    model: models.map(nameOf).join(' + '),
    defense: defenses.length === 0 ? 'none' : defenses.map(typeName).join(' + '),
    attack: attack === null ? null : attackOrigin(recipes, attack, models),
  };
}

interface WayOfImages {
  readonly data: RecordedCell | null;
  readonly attack: RecordedCell | null;
  readonly defenses: readonly RecordedCell[];
}

/** Steps that are followed at most: recipes cannot go in circles, but a forged cache might. */
const mostSteps = 32;

/** From a prediction back to the dataset: every cell that has changed the images in between. */
function wayOfImages(recipes: RunRecipes, prediction: RecordedCell): WayOfImages {
  const defenses = [...appliedRecipes(recipes, prediction, 'transform')];
  let attack: RecordedCell | null = null;
  let at: RecordedCell = prediction;
  for (let step = 0; step < mostSteps; step++) {
    const [source] = recipes.sources(at, 'images');
    if (source === undefined) break;
    at = source;
    if (readsPort(at, 'model') || readsPort(at, 'models')) attack ??= at;
    else if (readsPort(at, 'images') && attack === null) defenses.push(...defensesOf(recipes, at));
  }
  return { data: at === prediction || readsPort(at, 'images') ? null : at, attack, defenses };
}

/** A cell that changed the images: the defense itself, or the recipe that it applied. */
function defensesOf(recipes: RunRecipes, cell: RecordedCell): readonly RecordedCell[] {
  const applied = appliedRecipes(recipes, cell, 'transform');
  return applied.length > 0 ? applied : [cell];
}

function appliedRecipes(recipes: RunRecipes, cell: RecordedCell, port: string): readonly RecordedCell[] {
  return recipes.sources(cell, port);
}

/** Predictions, and in place of averages what they are over. */
function withAverages(
  recipes: RunRecipes,
  cells: readonly RecordedCell[],
  depth = 0,
): readonly RecordedCell[] {
  return unique(
    cells.flatMap((cell) =>
      depth < mostSteps && readsPort(cell, 'predictions')
        ? withAverages(recipes, recipes.sources(cell, 'predictions'), depth + 1)
        : [cell],
    ),
  );
}

function attackOrigin(
  recipes: RunRecipes,
  attack: RecordedCell,
  models: readonly RecordedCell[],
): AttackOrigin | null {
  if (attack.uses === 'attack/none') return null;
  const given = parametersOf(attack);
  const [budget, strength] = budgetOf(given);
  // Nothing was changed.
  if (strength === 0) return null;
  const attacked = [...recipes.sources(attack, 'model'), ...recipes.sources(attack, 'models')];
  const through = recipes.sources(attack, 'through').filter(({ uses }) => uses !== 'defense/none');
  return {
    name: typeName(attack),
    budget,
    isAdaptive: through.length > 0,
    isTransferred: attacked.length > 0 && !attacked.some((cell) => models.includes(cell)),
  };
}

/** The budget in words, and the number in it. */
function budgetOf(given: Readonly<Record<string, Json>>): readonly [words: string, strength: number | null] {
  for (const name of ['dissimilarity', 'epsilon']) {
    const value = given[name];
    if (typeof value !== 'number') continue;
    const words = isRadius(name) ? readableRadius(value, 3) : String(Number(value.toPrecision(3)));
    return [`${name} ${words}`, value];
  }
  return ['', null];
}

/** The second half of a type: `tvm` of `defense/tvm`. */
function typeName({ uses }: RecordedCell): string {
  return uses.slice(uses.indexOf('/') + 1);
}

/** The labels of a cell, or its stage if it has none. */
function nameOf({ stage, axes }: RecordedCell): string {
  const labels = Object.values(axes).map(String);
  return labels.length === 0 ? stage : `${stage} ${labels.join(' ')}`;
}

function unique<Item>(items: readonly Item[]): readonly Item[] {
  return [...new Set(items)];
}
