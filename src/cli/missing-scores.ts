import { choiceWords, shellQuote } from '../dashboard/format.ts';
import type { RunEvent } from '../runtime/events.ts';
import type { Outputs } from '../runtime/store/record.ts';
import { counted } from '../values/counted.ts';

/** A cell that finished in a run, and what the cache still has of it. */
export interface FinishedCell {
  readonly cell: string;
  readonly uses: string;
  /** Number of its units. */
  readonly units: number;
  /** The outputs of the units whose commit records are there and whole. */
  readonly outputs: readonly Outputs[];
}

/** Whether the main output of these units is metrics. */
export function areScores([first]: readonly Outputs[]): boolean {
  // Only the first port is the stage's main output; the history of a training, for example, is not.
  return first !== undefined && Object.keys(first)[0] === 'metrics';
}

/** The names of the cells whose scores the cache has lost: their records were removed or damaged. */
export function missingScores(cells: readonly FinishedCell[]): readonly string[] {
  const scoring = new Set(cells.flatMap(({ uses, outputs }) => (areScores(outputs) ? [uses] : [])));
  return cells.flatMap(({ cell, uses, units, outputs }) =>
    outputs.length < units && (uses.startsWith('evaluate/') || scoring.has(uses)) ? [cell] : [],
  );
}

/** Says that scores are missing from what a command prints of a run, and how to get them back. */
export function missingScoresText(
  cells: readonly string[],
  started: Extract<RunEvent, { type: 'run-started' }> | undefined,
): string {
  const command =
    started === undefined
      ? 'run the pipeline again'
      : `ravelin run ${shellQuote(started.file)}${choiceWords(started.choices)}`;
  return `the cache no longer has the scores of ${counted(cells.length, 'cell')}, which are missing here: ${cells[0]!}${cells.length > 1 ? ' …' : ''}\n  fix: ${command}, which computes them again`;
}
