import { type Static, type TObject, type TProperties, Type } from '@sinclair/typebox';
import type { Defense } from '../../../defenses/defense.ts';
import {
  checkDeclaration,
  DeclarationError,
  defineStage,
  port,
  type StageContext,
  type ParameterProblem,
} from '../../../runtime/stage.ts';
import type { JsonObject } from '../../../values/json.ts';
import type { Patches } from '../../../values/patches.ts';
import { sameImages } from '../../shared/known-model.ts';
import { outlineOf } from '../../shared/network-work.ts';
import type { TransformOutline } from '../../../values/outline.ts';
import { defenseOutline } from './defense-outline.ts';
import { defensePrefix, type DefenseStage } from '../../shared/open-recipe.ts';

type Params<W extends TProperties> = Static<TObject<W>>;

/** Content of a recipe besides its parameters. */
interface RecipeInputs {
  readonly patches?: Patches;
}

/**
 * Everything that distinguishes one defense from another. `R` is the content of its recipe: the parameters,
 * unless `recipe` returns something else.
 */
export type DefenseStageDeclaration<W extends TProperties, R> = SharedDeclaration<W, R> & DefenseOrLoad<R>;

interface SharedDeclaration<W extends TProperties, R> {
  /** `defense/NAME`. Recipes name the defense by the second half. */
  readonly uses: string;
  readonly version: number;
  readonly summary: string;
  readonly with: W;
  /** Parameters of an example, besides those with defaults. */
  readonly example?: Partial<Params<W>>;
  /** Adds an input for a patch database. */
  readonly patches?: { readonly description: string };
  /** Descriptions of the images that the defense takes and gives, for the reference. */
  readonly takes?: string;
  readonly gives?: string;
  /** Its images are uint8; float32 if absent. */
  readonly givesBytes?: true;
  /**
   * For estimates of cost: what one view of an image takes for each of its values, in relation to the same defense with other
   * parameters or other patches, of which it has `patches` with `length` values each; 1 if absent.
   */
  readonly effort?: (params: Params<W>, patches: number, length: number) => number;
  /** Checks between parameters that a schema cannot express. */
  readonly check?: (params: Params<W>) => readonly ParameterProblem[];
  /** Cheap to compute and large to store, so consumers apply it on the fly. */
  readonly onTheFly?: boolean;
  /** Computes on the tensor backend, whose numeric identity is then part of the key. */
  readonly device?: boolean;
  /** Whether it takes the device of the backend, if there is one, for results that are the same without it. */
  readonly usesDevice?: (params: Params<W>) => boolean;
  /** npm packages whose versions decide the numbers. */
  readonly libraries?: readonly string[];
  /**
   * Number of views of each image if the defense draws at random: attacks that go through it then average
   * over draws (EOT). Null if it draws nothing with these parameters; absent for a defense that never draws.
   * It stands after `recipe`, if there is one, for TypeScript to know its parameters.
   */
  readonly views?: (params: NoInfer<R>) => number | null;
  /**
   * Returns the content of the recipe, checked against the inputs; it may depend on the machine. The
   * parameters if absent.
   */
  readonly recipe?: (context: StageContext<Params<W>, RecipeInputs>) => Promise<R>;
}

/**
 * The defense itself, or a function that loads it when it is first applied. These are two properties, because
 * a function has a method `apply`, from which TypeScript would take the parameters of a defense's `apply`.
 */
type DefenseOrLoad<R> =
  | { readonly defense: Defense<NoInfer<R>>; readonly load?: never }
  | { readonly load: () => Promise<Defense<R>>; readonly defense?: never };

/**
 * A defense stage: from images to transformed images and the recipe. Predictions can apply the recipe,
 * training can use it, and attacks can go through it, wherever the stage is known.
 */
export function defenseStage<W extends TProperties, R = Params<W>>(
  declaration: DefenseStageDeclaration<W, R>,
): DefenseStage {
  checkDefense({ ...declaration });
  const { uses, version, summary, patches, check, views, usesDevice } = declaration;
  const name = uses.slice(defensePrefix.length);
  const drawnViews = (params: R): number | null => views?.(params) ?? null;
  const properties: TProperties = declaration.with;
  // The parameters have passed the schema above, but TypeScript cannot follow it for any W.
  const typed = (params: unknown): Params<W> => params as Params<W>;
  const stage = defineStage({
    uses,
    version,
    summary,
    with: Type.Object(properties, { additionalProperties: false }),
    ...(declaration.example && { example: declaration.example as JsonObject }),
    in: {
      ...(patches && { patches: port('patches', patches) }),
      images: port('images', {
        optional: true,
        description: declaration.takes ?? 'images to transform',
      }),
    },
    out: {
      images: port('images', {
        optional: true,
        description: declaration.gives ?? 'float32 images',
        facts: sameImages,
      }),
      transform: port('transform', { description: 'the recipe' }),
    },
    shard: 'images',
    // A recipe may add to the parameters, but changes none that decides the number of views.
    randomness: (params) => drawnViews(typed(params) as R) !== null,
    onTheFly: declaration.onTheFly ?? false,
    device: declaration.device ?? false,
    ...(usesDevice && { usesDevice: (params) => usesDevice(typed(params)) }),
    libraries: declaration.libraries ?? [],
    ...(check && { check: (params) => check(typed(params)) }),
    outline: ({ params, inputs }) => {
      const draws = drawnViews(typed(params) as R);
      const { count = 0, length = 0 } = outlineOf('patches', inputs['patches']) ?? {};
      const transform: TransformOutline = {
        kind: 'transform',
        work: { [uses]: declaration.effort?.(typed(params), count, length) ?? 1 },
        views: draws ?? 1,
        isRandom: draws !== null,
      };
      return defenseOutline(
        transform,
        outlineOf('images', inputs['images']),
        declaration.givesBytes ?? false,
      );
    },
    run: async (context) => {
      const { runDefense } = await import('./run-defense.ts');
      const recipe = ((await declaration.recipe?.({ ...context, params: typed(context.params) })) ??
        context.params) as R;
      const { patches: database, ...params } = recipe as R & RecipeInputs;
      const { libraries } = context;
      const step = {
        name,
        version,
        ...(Object.keys(libraries).length > 0 && { libraries }),
        params: params as JsonObject,
        ...(database && { patches: database }),
      };
      return runDefense(context, step, drawnViews(recipe) !== null);
    },
  });
  const { defense } = declaration;
  const load = declaration.load ?? (() => defense!);
  return { ...stage, defense: { views: drawnViews, load } };
}

/** Throws `DeclarationError`. */
function checkDefense(declaration: Readonly<Record<string, unknown>>): void {
  const { uses, defense, load } = declaration;
  checkDeclaration('defenseStage', declaration, {});
  const { apply } = (defense ?? {}) as Readonly<Record<string, unknown>>;
  if (typeof defense === 'function' || (typeof load !== 'function' && typeof apply !== 'function')) {
    throw new DeclarationError(
      `${String(uses)} has no ${defense === undefined ? "'defense'" : "function 'apply' in its 'defense'"}`,
      'write defense: { apply: (pixels, shape, params, draw) => … }',
    );
  }
  if (!String(uses).startsWith(defensePrefix)) {
    throw new DeclarationError(
      `the name '${String(uses)}' does not begin with '${defensePrefix}', by which recipes find a defense`,
      `write uses: '${defensePrefix}NAME'`,
    );
  }
}
