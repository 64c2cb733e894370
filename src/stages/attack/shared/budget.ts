import { Type } from '@sinclair/typebox';
import type { ParameterProblem } from '../../../runtime/stage.ts';
import type { TargetParameters } from './strength.ts';

/** The most passes that an attack may make of each image. */
export interface BudgetParameters {
  readonly queries?: number;
}

const range = { minimum: 1, maximum: 1_000_000_000 };
const meaning =
  'maximum number of passes of an image, forward and backward counted alike and including the classification of its original; when they are spent, the attack ends with the best that it has found';

export const budgetParameters = {
  queries: Type.Optional(
    Type.Integer({ unit: 'passes', ...range, description: `${meaning}; no limit if absent` }),
  ),
};

/** The budget of an attack that has one by default. */
export const defaultBudget = (queries: number) => ({
  queries: Type.Integer({
    unit: 'passes',
    ...range,
    default: queries,
    description: `${meaning}; with dissimilarity, of each strength that is tried`,
  }),
});

/** The limit of the engine; empty if there is none, or if the attack runs at several strengths. */
export function limitOf(params: object): { readonly limit?: number } {
  const { queries, dissimilarity } = params as BudgetParameters & Partial<TargetParameters>;
  return queries === undefined || dissimilarity !== undefined ? {} : { limit: queries };
}

/** A search for a strength runs the attack several times, each of which would spend a budget. */
export function checkBudget(params: Readonly<Record<string, unknown>>): readonly ParameterProblem[] {
  if (params['queries'] === undefined || params['dissimilarity'] === undefined) return [];
  return [
    {
      path: ['queries'],
      message: "'queries' limits an attack at its own strength, but 'dissimilarity' runs it at several",
      fix: 'give the strength of the attack in the place of dissimilarity, or remove queries',
    },
  ];
}
