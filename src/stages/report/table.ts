import { Type } from '@sinclair/typebox';
import { boldChoices } from '../../report/best.ts';
import { port, StageError } from '../../runtime/stage.ts';
import {
  clashError,
  labelProblems,
  labelsParameter,
  listOf,
  meanOverNames,
  meanOverParameter,
  requireAxes,
  requireValues,
  rowsToReport,
} from './shared/columns.ts';
import {
  checkPublishedFile,
  placed,
  publishedParameter,
  readPublishedFile,
  requirePublishedNames,
  unusedWarning,
} from './shared/published-file.ts';
import { reportStage } from './shared/report-stage.ts';

const names = (description: string) =>
  Type.Union([Type.String(), Type.Array(Type.String(), { maxItems: 16 })], { description });

// Ports are declared apart, so that TypeScript distinguishes `list: true` from `list: boolean`.
const scores = port('metrics', {
  list: true,
  description: 'scores with their axes: `{ from: scores, collect: all }`',
});

export const tableStage = reportStage({
  uses: 'report/table',
  version: 7,
  summary: 'A table of scores as Markdown, LaTeX, CSV and JSON, with intervals',
  with: {
    rows: Type.Optional(
      names('axis, or list of axes, that heads the rows; default: all that vary and are not in columns'),
    ),
    columns: Type.Optional(names('axis, or list of axes, that heads the columns; default: none')),
    value: Type.Union([Type.String(), Type.Array(Type.String(), { minItems: 1, maxItems: 16 })], {
      default: 'accuracy',
      description: 'number, or list of numbers, in the cells; with its 95 % interval if the scores have one',
    }),
    ...meanOverParameter,
    ...publishedParameter,
    checks: Type.Boolean({
      default: true,
      description:
        'sanity checks of the accuracies, if the table shows them; those that fail are listed below it and in the summary',
    }),
    bold: Type.Union(
      boldChoices.map((choice) => Type.Literal(choice)),
      { default: 'none', description: 'which numbers are bold in Markdown and LaTeX' },
    ),
    form: Type.Union([Type.Literal('wide'), Type.Literal('long')], {
      default: 'wide',
      description:
        'the CSV file: as the table is, or one row for each score, for data frames such as those of pandas',
    }),
    ...labelsParameter,
    footer: Type.Union([Type.Boolean(), Type.String({ maxLength: 200 })], {
      default: true,
      description:
        'line below the table: true for the number of images, what the intervals are and the backend; a text; or false for none',
    }),
    title: Type.String({ default: '', description: 'heading above the table' }),
  },
  formats: ['md', 'tex', 'csv', 'txt', 'json'],
  in: { scores },
  output: 'table',
  names: {
    rows: { names: 'axis', of: 'scores' },
    columns: { names: 'axis', of: 'scores' },
    value: { names: 'number', of: 'scores' },
    meanOver: meanOverNames,
  },
  places: ['rows', 'columns'],
  prints: { backend: true },
  check: ({ rows, columns, labels }) => {
    const index = listOf(columns).findIndex((axis) => listOf(rows).includes(axis));
    if (index < 0) return labelProblems(labels);
    const axis = listOf(columns)[index]!;
    return [
      {
        path: Array.isArray(columns) ? ['columns', String(index)] : ['columns'],
        message: `'${axis}' is in both rows and columns`,
        fix: `take '${axis}' out of one of them`,
      },
    ];
  },
  files: {
    async paths({ published, value }, resolve) {
      if (published === undefined) return [];
      await readPublishedFile(resolve(published), listOf(value));
      return [resolve(published)];
    },
    check: ({ published, value, meanOver }, inputs, read) =>
      checkPublishedFile(published, listOf(value), inputs, read, listOf(meanOver)),
  },
  async draw(inputs, params, warn, resolve, printed) {
    const { axisNames, varyingAxes } = await import('../../report/rows.ts');
    const rows = rowsToReport(inputs.scores, params.meanOver);
    const values = listOf(params.value);
    const columns = listOf(params.columns);
    requireValues(rows, 'value', values);
    requireAxes(rows, 'columns', columns);
    const varying = varyingAxes(rows).filter((axis) => !columns.includes(axis));
    const spare = axisNames(rows).filter((axis) => !columns.includes(axis));
    const rowAxes = params.rows === undefined ? (varying.length > 0 ? varying : spare) : listOf(params.rows);
    requireAxes(rows, 'rows', rowAxes);
    const twice = rowAxes.find((axis) => columns.includes(axis));
    if (twice !== undefined) {
      throw new StageError(`'${twice}' is in both rows and columns`, {
        fix: `take '${twice}' out of one of them`,
      });
    }
    let shown = rows;
    let sources: readonly string[] | undefined;
    if (params.published !== undefined) {
      const { joinPublished } = await import('../../report/join-published.ts');
      const { sourcesOf } = await import('../../report/published.ts');
      const path = resolve(params.published);
      const published = await readPublishedFile(path, values);
      requirePublishedNames(published, rows, path);
      const joined = placed(path, () => joinPublished(rows, published.rows));
      const unused = unusedWarning(published, joined.used.length, params.published);
      if (unused !== undefined) warn(unused);
      else sources = sourcesOf(joined.used);
      shown = joined.rows;
    }
    const {
      footerToMarkdown,
      footerToText,
      headingToMarkdown,
      pivot,
      publishedToMarkdown,
      publishedToText,
      roundedNote,
      rowsToCsv,
      rowsToJson,
      tableToCsv,
      tableToMarkdown,
      tableToText,
      warningsToMarkdown,
      warningsToText,
    } = await import('../../report/table.ts');
    const { labels } = params;
    const shape = { rows: rowAxes, columns, values };
    const table = pivot(shown, { ...shape, ...(labels && { labels }) });
    if ('clash' in table) throw clashError(table.clash.first, table.clash.second, 'rows or columns');
    // Data keep their names; only readers see others.
    const data = labels === undefined ? table : pivot(shown, shape);
    if ('clash' in data) throw clashError(data.clash.first, data.clash.second, 'rows or columns');
    const { scoreWarnings } = await import('./shared/score-warnings.ts');
    const { given, found } = scoreWarnings(inputs.scores, rows);
    const failed = params.checks && values.includes('accuracy') ? found : [];
    for (const message of failed) warn(message);
    const warnings = [...given, ...failed];
    const { bestPlaces } = await import('../../report/best.ts');
    const { tableToLatex } = await import('../../report/latex.ts');
    const bold = bestPlaces(table, params.bold);
    const { footerOf } = await import('../../report/footer.ts');
    const { footer } = params;
    const below = typeof footer === 'string' ? footer : footer ? footerOf(rows, values, printed.backend) : '';
    const notes = [
      ...(below === '' ? [] : [below]),
      ...(sources === undefined ? [] : [publishedToText(sources).trim()]),
      ...warnings,
    ];
    const files = {
      md:
        headingToMarkdown(params.title) +
        tableToMarkdown(table, { labels, bold }) +
        footerToMarkdown(below) +
        (sources === undefined ? '' : publishedToMarkdown(sources)) +
        roundedNote(rows) +
        warningsToMarkdown(warnings),
      tex: tableToLatex(table, { bold, notes, ...(labels && { labels }) }),
      csv: params.form === 'long' ? rowsToCsv(shown) : tableToCsv(data),
      txt:
        tableToText(table, { labels }) +
        footerToText(below) +
        (sources === undefined ? '' : publishedToText(sources)) +
        roundedNote(rows) +
        warningsToText(warnings),
      json: rowsToJson(shown),
    };
    return { title: params.title, files };
  },
});
