import { Type } from '@sinclair/typebox';
import { port } from '../../runtime/stage.ts';
import type { Figure } from '../../values/figure.ts';
import { labelProblems, labelsParameter } from './shared/columns.ts';
import { reportStage } from './shared/report-stage.ts';

// Ports are declared apart, so that TypeScript distinguishes `list: true` from `list: boolean`.
const figures = port('figure', {
  list: true,
  optional: true,
  description: 'figures and tables in the order of the page',
});
const scores = port('metrics', {
  list: true,
  optional: true,
  description: 'scores for the table of claims, and for the table of all scores',
});

/** Names under which pipelines have the budget of the adversary, and what it knows; the first that the scores have counts. */
const budgets = ['strength', 'epsilon', 'dissimilarity'];
const knowledges = ['knowledge', 'attacker', 'box'];

const firstOf = (names: readonly string[], description: string) =>
  Type.Optional(
    Type.String({
      description: `axis of the scores that is ${description}. Default: the first of ${names.map((name) => `\`${name}\``).join(', ')} that they have`,
    }),
  );

const axis = (name: string, description: string) =>
  Type.String({ default: name, description: `axis of the scores that is ${description}` });

/** Rows of scores that a page shows; more make it slow. */
const shownScores = 2000;
/** Pages above this size are hard to send. */
const largestPage = 5_000_000;

export const htmlStage = reportStage({
  uses: 'report/html',
  version: 2,
  summary:
    'Figures, tables and scores as one HTML page that needs no network, with the lowest accuracy of each model and defense on top',
  with: {
    title: Type.String({ default: 'Report', description: 'heading of the page' }),
    text: Type.String({ default: '', maxLength: 10_000, description: 'paragraphs below the heading' }),
    model: axis('model', 'the model'),
    defense: axis('defense', 'the defense'),
    attack: axis('attack', 'the attack; `none` is of clean images'),
    budget: firstOf(budgets, 'the budget of the adversary; 0 is of clean images'),
    knowledge: firstOf(knowledges, 'what the adversary knows: `adaptive`, `transfer`, or anything else'),
    ...labelsParameter,
  },
  formats: ['html'],
  in: { figures, scores },
  output: 'page',
  check: ({ labels }) => labelProblems(labels),
  async draw(inputs, params, warn) {
    const { scoreRows, axisNames, valueNames } = await import('../../report/rows.ts');
    const { reportPage } = await import('../../report/html/page.ts');
    const { reportFigure } = await import('../../report/html/report-figure.ts');
    const { claimsOfRows } = await import('../../report/html/claims-of-rows.ts');
    const { scoreWarnings } = await import('./shared/score-warnings.ts');
    const collected = inputs.scores ?? [];
    const rows = scoreRows(collected);
    const { given, found } = scoreWarnings(collected, rows);
    const axes = axisNames(rows);
    const columns = [...axes, ...valueNames(rows)];
    const present = (names: readonly string[]): string =>
      names.find((name) => axes.includes(name)) ?? names[0]!;
    const { budget = present(budgets), knowledge = present(knowledges) } = params;
    const page = reportPage({
      pipeline: params.title,
      run: '',
      status: 'ok',
      text: params.text,
      facts: [],
      command: '',
      failures: [],
      warnings: [...given, ...found].map((message) => ({ message, cells: [] })),
      claims: claimsOfRows(rows, { ...params, budget, knowledge }, params.labels),
      figures: figureNames(inputs.figures ?? []).map(([name, value]) => reportFigure(name, value)),
      scores: {
        columns,
        rows: rows
          .slice(0, shownScores)
          .map((row) => columns.map((name) => row.axes[name] ?? row.values[name] ?? null)),
        total: rows.length,
      },
      costs: [],
      timeline: [],
      sources: [],
    });
    const bytes = Buffer.byteLength(page);
    if (bytes > largestPage)
      warn(
        `the page has ${(bytes / 1e6).toFixed(1)} MB, and pages above 5 MB are hard to send; 'ravelin report' makes a zip of those of a run`,
      );
    return { title: params.title, files: { html: page } };
  },
});

/** Names figures and tables by their place, each kind for itself, and by their labels. */
function figureNames(
  items: readonly { readonly axes: Readonly<Record<string, unknown>>; readonly value: Figure }[],
): readonly (readonly [name: string, value: Figure])[] {
  const counts = { figure: 0, table: 0 };
  return items.map(({ axes, value }) => {
    const kind = 'svg' in value.files || 'png' in value.files ? 'figure' : 'table';
    const name = `${kind} ${++counts[kind]}`;
    const labels = Object.entries(axes).map(([axis, label]) => `${axis}=${String(label)}`);
    return [labels.length === 0 ? name : `${name} [${labels.join(', ')}]`, value];
  });
}
