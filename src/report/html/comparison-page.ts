import { formatMeasured, formatNumber } from '../format.ts';
import { isShare } from '../../values/readable-number.ts';
import type { Attachments } from './attachments.ts';
import { accuracy } from './claims-section.ts';
import type { ComparedClaim, ComparedNumber, ComparedRun, Comparison } from './comparison.ts';
import { html, table, text, type Field } from './elements.ts';
import { figureBlock, withQuietInterval } from './figures-section.ts';
import { contentsOf, pageOf } from './page-frame.ts';
import type { Claim, Claimed } from './run-report.ts';

/** The difference of two accuracies with its 95 % interval, as `metrics/difference-interval.ts` computes it. */
export type DifferenceOf = (
  before: Claimed,
  after: Claimed,
) => { readonly low: number; readonly high: number } | null;

/** Writes the comparison of two runs as one page, with the same properties as the report of one. */
export function comparisonPage(
  comparison: Comparison,
  attachments: Attachments,
  differenceOf: DifferenceOf,
): string {
  const { title, before, after, claims, figures, scores } = comparison;
  const links = contentsOf([
    ['claims', 'claims', claims.length > 0],
    ['changes', 'what changed', true],
    ['figures', 'figures', figures.length > 0],
    ['scores', 'scores', scores.length > 0],
  ]);
  const header = [
    html('h1', {}, text(title)),
    html('p', { class: 'status' }, text(`before: ${called(before)} · after: ${called(after)}`)),
    links,
  ];
  return pageOf(
    `${title} · ${before.run} → ${after.run}`,
    header.join(''),
    [
      claimsPart(claims, differenceOf),
      changesPart(comparison),
      figuresPart(comparison, attachments),
      scoresPart(comparison),
    ].join(''),
  );
}

/** A run by the names that people gave it, its id and how it ended. */
function called({ run, tags = [], status }: ComparedRun): string {
  return `${[...tags, `run ${run}`].join(', ')} (${status})`;
}

const kinds: readonly (readonly [keyof Claim & ('clean' | 'direct' | 'adaptive' | 'transferred'), string])[] =
  [
    ['clean', 'clean'],
    ['direct', 'lowest, defense unknown'],
    ['adaptive', 'lowest, adaptive'],
    ['transferred', 'lowest, transferred'],
  ];

function claimsPart(claims: readonly ComparedClaim[], differenceOf: DifferenceOf): string {
  if (claims.length === 0) return '';
  const columns = [
    { head: 'model' },
    { head: 'defense' },
    { head: 'budget' },
    { head: 'accuracy' },
    { head: 'before', isNumber: true },
    { head: 'after', isNumber: true },
    { head: 'difference', isNumber: true },
  ];
  const seen = new Set<string>();
  const both: Field[][] = [];
  const same: Field[][] = [];
  const one: Field[][] = [];
  for (const { before, after } of claims) {
    const { model, defense, budget } = (before ?? after)!;
    for (const [kind, name] of kinds) {
      const [old, current] = [before?.[kind] ?? null, after?.[kind] ?? null];
      if (old === null && current === null) continue;
      // Clean accuracies are the same at each budget.
      const key = JSON.stringify([model, defense]);
      if (kind === 'clean' && seen.has(key)) continue;
      if (kind === 'clean') seen.add(key);
      (old === null || current === null ? one : isEqual(old, current) ? same : both).push([
        { html: text(model) },
        { html: text(defense) },
        { html: kind === 'clean' ? '–' : text(budget) },
        { html: text(name) },
        accuracy(old),
        accuracy(current),
        difference(old, current, differenceOf),
      ]);
    }
  }
  return html(
    'section',
    { id: 'claims' },
    html('h2', {}, 'What the two runs say'),
    both.length === 0
      ? html(
          'p',
          {},
          same.length === 0
            ? 'The runs have no accuracy of the same model, defense and budget.'
            : 'The runs have the same accuracy of each model, defense and budget.',
        )
      : table('Accuracies with 95 % intervals in both runs, and their difference in points', columns, both),
    html(
      'p',
      { class: 'note' },
      'The interval of a difference is that of two independent samples (Newcombe 1998). If both runs judge the same images, the difference is known better than that.',
    ),
    same.length === 0
      ? ''
      : html(
          'details',
          {},
          html(
            'summary',
            {},
            `${same.length === 1 ? '1 accuracy that is' : `${same.length} accuracies that are`} the same in both runs`,
          ),
          table('Accuracies that are the same in both runs', columns, same),
        ),
    one.length === 0
      ? ''
      : html(
          'details',
          {},
          html(
            'summary',
            {},
            `${one.length === 1 ? '1 accuracy' : `${one.length} accuracies`} that only one of the runs has`,
          ),
          table('Accuracies of one run', columns, one),
        ),
  );
}

/** Whether two runs have found the same accuracy with the same interval, of the same attack. */
function isEqual(one: Claimed, other: Claimed): boolean {
  return (
    one.value === other.value &&
    one.low === other.low &&
    one.high === other.high &&
    one.attack === other.attack
  );
}

function difference(before: Claimed | null, after: Claimed | null, differenceOf: DifferenceOf): Field {
  if (before === null || after === null) return { html: '–' };
  if (before.value === null || after.value === null) return { html: '–' };
  const ends = differenceOf(before, after);
  return differenceField('accuracy', { value: after.value - before.value, ...ends });
}

/** A difference with its sign; a share in points. One whose interval leaves out 0 is marked as up or down. */
function differenceField(name: string, { value, low, high }: ComparedNumber): Field {
  if (value === null) return { html: '–' };
  const share = isShare(name);
  const signed = (number: number): string => {
    const written = share ? (number * 100).toFixed(1) : formatNumber(number);
    return number > 0 && !written.startsWith('+') ? `+${written}` : written.replace('-', '−');
  };
  const interval = low === undefined || high === undefined ? '' : ` [${signed(low)}, ${signed(high)}]`;
  const side = low !== undefined && low > 0 ? 'up' : high !== undefined && high < 0 ? 'down' : undefined;
  return {
    html:
      html('span', { class: side }, text(signed(value))) +
      html('span', { class: 'interval' }, text(interval)),
    sort: value,
  };
}

function changesPart({ changed, removed, added, facts, before, after }: Comparison): string {
  const isSame = changed.length === 0 && removed === '' && added === '';
  return html(
    'section',
    { id: 'changes' },
    html('h2', {}, 'What changed'),
    isSame ? html('p', {}, 'Both runs have the same cells with the same recipes.') : '',
    changed.length === 0
      ? ''
      : table(
          'Recipes that differ, before → after',
          [{ head: 'difference' }, { head: 'cells', isNumber: true }, { head: 'which' }],
          changed.map(({ because, cells, count }) => [
            { html: html('code', {}, text(because)) },
            { html: String(count), sort: count },
            { html: text(cells) },
          ]),
        ),
    removed === '' ? '' : html('p', {}, text(`Only in ${before.run}: ${removed}.`)),
    added === '' ? '' : html('p', {}, text(`Only in ${after.run}: ${added}.`)),
    facts.length === 0
      ? ''
      : table(
          'How the runs differ',
          [{ head: 'fact' }, { head: 'before' }, { head: 'after' }],
          facts.map((row) => row.map((field) => ({ html: text(field) }))),
        ),
  );
}

function figuresPart({ figures, before, after }: Comparison, attachments: Attachments): string {
  if (figures.length === 0) return '';
  const missing = (run: string): string => html('p', {}, text(`Run ${run} has no such figure.`));
  return html(
    'section',
    { id: 'figures' },
    html('h2', {}, 'Figures and tables'),
    ...figures.map(({ cell, before: old, after: current, isSame }) =>
      isSame
        ? html(
            'div',
            {},
            figureBlock(old!, attachments),
            html('p', { class: 'note' }, 'It is the same in both runs.'),
          )
        : html(
            'div',
            { class: 'pair', role: 'group', 'aria-label': cell },
            html(
              'div',
              {},
              html('p', { class: 'called' }, 'before'),
              old === null ? missing(before.run) : figureBlock(old, attachments),
            ),
            html(
              'div',
              {},
              html('p', { class: 'called' }, 'after'),
              current === null ? missing(after.run) : figureBlock(current, attachments),
            ),
          ),
    ),
  );
}

function scoresPart({ scores, totalScores }: Comparison): string {
  if (scores.length === 0) return '';
  const field = (name: string, measured: ComparedNumber): Field => ({
    html: withQuietInterval(formatMeasured(name, measured)),
    sort: measured.value ?? undefined,
  });
  const left = totalScores - scores.length;
  return html(
    'section',
    { id: 'scores' },
    html('h2', {}, 'Scores that differ'),
    html(
      'details',
      {},
      html(
        'summary',
        {},
        left > 0 ? `The first ${scores.length} of ${totalScores} scores` : `${totalScores} scores`,
      ),
      left > 0 ? html('p', {}, "'ravelin runs diff --all' prints all of them.") : '',
      table(
        'Scores that differ, with 95 % intervals',
        [
          { head: 'row' },
          { head: 'score' },
          { head: 'before', isNumber: true },
          { head: 'after', isNumber: true },
          { head: 'difference', isNumber: true },
        ],
        scores.map(({ row, name, before, after, difference: change }) => [
          { html: text(row) },
          { html: text(name) },
          field(name, before),
          field(name, after),
          differenceField(name, change),
        ]),
      ),
    ),
  );
}
