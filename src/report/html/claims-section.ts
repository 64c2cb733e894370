import { formatMeasured } from '../format.ts';
import { html, table, text, type Column, type Field } from './elements.ts';
import { withQuietInterval } from './figures-section.ts';
import type { Claim, Claimed } from './run-report.ts';

/** Claims that are shown; the rest is in the table of scores. */
const shownClaims = 300;
/** Claims that are all shown at once. */
const fewClaims = 12;

/**
 * Shows for each model and defense the lowest accuracy of any attack at each budget. A defense without an attack that goes
 * through it says so, because the other numbers then overestimate it. If there are many budgets, the one with the most adaptive attacks comes first.
 */
export function claimsSection(claims: readonly Claim[]): string {
  if (claims.length === 0) return '';
  const budgets = [...new Set(claims.map(({ budget }) => budget))];
  const main = mainBudget(claims, budgets);
  const isCut = claims.length > fewClaims && budgets.length > 1;
  const first = isCut ? claims.filter(({ budget }) => budget === main) : claims;
  const left = claims.length - shownClaims;
  return html(
    'section',
    { id: 'claims' },
    html('h2', {}, 'What the run says'),
    claimsTable(first.slice(0, shownClaims), claims),
    isCut
      ? html(
          'details',
          {},
          html('summary', {}, `All ${budgets.length} budgets of the adversary`),
          claimsTable(claims.slice(0, shownClaims), claims),
        )
      : '',
    left > 0 ? html('p', {}, `${left} more are in the table of all scores.`) : '',
  );
}

/** The budget with the most adaptive attacks, then with the most rows. */
function mainBudget(claims: readonly Claim[], budgets: readonly string[]): string | undefined {
  const weight = (budget: string): number =>
    claims
      .filter((claim) => claim.budget === budget)
      .reduce((sum, { adaptive }) => sum + (adaptive === null ? 1 : 1000), 0);
  return [...budgets].sort((one, other) => weight(other) - weight(one))[0];
}

/** A table of some of the claims; what all of its rows share is said once, above it. */
function claimsTable(rows: readonly Claim[], all: readonly Claim[]): string {
  const isDefended = all.some(({ defense, adaptive }) => defense !== 'none' || adaptive !== null);
  const isTransferred = all.some(({ transferred }) => transferred !== null);
  const common = (['data', 'model', 'defense', 'budget'] as const).filter(
    (name) =>
      rows.every((claim) => claim[name] === rows[0]?.[name]) && (name !== 'model' || rows[0]?.model === '–'),
  );
  const counts = new Set(rows.map(imagesOf));
  const shared = [
    ...common.flatMap((name) =>
      (name === 'defense' && rows[0]?.defense === 'none') || ['', '–'].includes(rows[0]?.[name] ?? '')
        ? []
        : [`${name}: ${rows[0]?.[name] ?? ''}`],
    ),
    ...(counts.size === 1 && !counts.has(null) ? [`images: ${String([...counts][0])}`] : []),
  ];
  const columns: readonly (Column & { readonly of: (claim: Claim) => Field })[] = [
    ...(['data', 'model', 'defense', 'budget'] as const)
      .filter((name) => !common.includes(name))
      .map((head) => ({ head, of: (claim: Claim) => ({ html: text(claim[head]) }) })),
    ...(counts.size === 1 ? [] : [{ head: 'images', isNumber: true, of: countField }]),
    { head: 'clean', isNumber: true, of: ({ clean }) => accuracy(clean) },
    {
      head: isDefended ? 'lowest, defense unknown' : 'lowest accuracy',
      isNumber: true,
      of: ({ direct }) => accuracy(direct),
    },
    ...(isDefended
      ? [
          {
            head: 'lowest, adaptive',
            isNumber: true,
            of: ({ defense, adaptive }: Claim) =>
              defense !== 'none' && adaptive === null ? missing : accuracy(adaptive),
          },
        ]
      : []),
    ...(isTransferred
      ? [
          {
            head: 'lowest, transferred',
            isNumber: true,
            of: ({ transferred }: Claim) => accuracy(transferred),
          },
        ]
      : []),
  ];
  const end = shared.length === 0 ? '' : ` (${shared.join(', ')})`;
  return table(
    `Accuracies with 95 % intervals, and the attack that gave each${end}`,
    columns,
    rows.map((claim) => columns.map(({ of }) => of(claim))),
  );
}

const missing: Field = { html: html('span', { class: 'flag' }, 'no adaptive attack'), sort: 2 };

function imagesOf({ clean, direct, adaptive, transferred }: Claim): number | null {
  return (direct ?? adaptive ?? transferred ?? clean)?.images ?? null;
}

function countField(claim: Claim): Field {
  const images = imagesOf(claim);
  return { html: images === null ? '–' : String(images), sort: images ?? undefined };
}

/** An accuracy with its interval and the attack that gave it. */
export function accuracy(claimed: Claimed | null): Field {
  if (claimed === null) return { html: '–' };
  const attack = claimed.attack === null ? '' : ` ${html('span', { class: 'attack' }, text(claimed.attack))}`;
  return {
    html:
      html('span', { title: claimed.cell }, withQuietInterval(formatMeasured('accuracy', claimed))) + attack,
    sort: claimed.value ?? undefined,
  };
}
