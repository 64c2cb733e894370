import { type Static, type TObject, type TProperties, Type } from '@sinclair/typebox';
import {
  type Caveat,
  checkDeclaration,
  defineStage,
  type KnownInputs,
  port,
  type Stage,
} from '../../../runtime/stage.ts';
import type { JsonObject } from '../../../values/json.ts';
import { checkScored, checkScores, type ScoreInputs, type Scores } from './check-scored.ts';
import { originalsPort, scoringOutline } from './scoring.ts';
import type { NoParameters } from '../../shared/no-parameters.ts';

export type { Scores };

/** Everything that distinguishes one metric from another. */
export interface MetricStageDeclaration<W extends TProperties> {
  readonly uses: string;
  readonly version: number;
  readonly summary: string;
  readonly with?: W;
  /** Parameters of an example, besides those with defaults. */
  readonly example?: JsonObject;
  /**
   * The names of the numbers that it returns; reports are judged by them before a run. A sentence for the
   * reference instead of a list if the names depend on the parameters or the data.
   */
  readonly gives: string | readonly string[];
  /** Warnings about some of the numbers, which follow from how the inputs were made, for the reports that show them. */
  readonly caveats?: (inputs: KnownInputs) => Readonly<Record<string, Caveat>>;
  /** Computes the numbers of one cell. `warn` takes sentences that every reader of the numbers must see. */
  readonly score: (
    inputs: ScoreInputs,
    params: Static<TObject<W>>,
    warn: (sentence: string) => void,
  ) => Scores | Promise<Scores>;
}

/** A metric stage: from predictions to one row of scores. Rejects inputs that do not belong together. */
export function metricStage<W extends TProperties = NoParameters>(
  declaration: MetricStageDeclaration<W>,
): Stage {
  const { uses, version, summary, example, gives, caveats, score } = declaration;
  checkDeclaration('metricStage', { ...declaration }, { score: typeof score === 'function' });
  const properties: TProperties = declaration.with ?? {};
  return defineStage({
    uses,
    version,
    summary,
    with: Type.Object(properties, { additionalProperties: false }),
    ...(example && { example }),
    in: {
      predictions: port('predictions', { description: 'predictions to score' }),
      originals: originalsPort('the attack'),
      clean: port('predictions', {
        optional: true,
        description:
          'predictions on the originals, against which success is measured; those of the attacked model if absent',
      }),
    },
    out: {
      metrics: port('metrics', {
        axes: [],
        ...(typeof gives !== 'string' && { values: gives }),
        ...(caveats && { caveats }),
        description: `one row: ${typeof gives === 'string' ? gives : gives.join(', ')}`,
      }),
    },
    outline: () => scoringOutline(),
    run: async ({ params, inputs, metric, warn }) => {
      checkScored(inputs);
      const warnings: string[] = [];
      // The parameters have passed the schema above, but TypeScript cannot follow it for any W.
      const values: unknown = await score(inputs, params as Static<TObject<W>>, (sentence) =>
        warnings.push(sentence),
      );
      checkScores(values, uses);
      for (const [name, value] of Object.entries(values)) if (value !== null) metric(name, value);
      for (const warning of warnings) warn(warning);
      return { metrics: { kind: 'metrics' as const, rows: [{ axes: {}, values }], warnings } };
    },
  });
}
