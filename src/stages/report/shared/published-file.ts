import { Type } from '@sinclair/typebox';
import { readFile, stat } from 'node:fs/promises';
import { basename } from 'node:path';
import { decodeText, encodingProblem } from '../../../files/read-text.ts';
import { CsvError } from '../../../report/csv-records.ts';
import { publishedProblems, readPublished } from '../../../report/published.ts';
import type { KnownScores, Published } from '../../../report/published.ts';
import { axisLabels, axisNames, valueNames, varyingAxes } from '../../../report/rows.ts';
import type { Label, ScoreRow } from '../../../report/rows.ts';
import { StageError } from '../../../runtime/stage.ts';
import type { KnownInputs, ParameterProblem, ReadFile } from '../../../runtime/stage.ts';
import { shortList } from '../../../values/nearest.ts';

/** The file of published values that a report puts beside the scores. */
export const publishedParameter = {
  published: Type.Optional(
    Type.String({
      format: 'path',
      description:
        'CSV file of published numbers, which stand beside ours: columns for axes, for the number (`accuracy`; `accuracyLow` and `accuracyHigh` for a range), and `source`',
    }),
  ),
};

/** A larger file is not a table of a paper, and would only fill the memory. */
const mostBytes = 2 ** 24;

/** Reads the file of a report. Throws a `StageError` that names file, line and column. */
export async function readPublishedFile(path: string, values: readonly string[]): Promise<Published> {
  let bytes: Uint8Array;
  try {
    const stats = await stat(path);
    if (!stats.isFile()) {
      throw new StageError('the published values are not a regular file', {
        code: 'bad-data',
        file: path,
        fix: 'name a CSV file (published)',
      });
    }
    if (stats.size > mostBytes) throw tooLarge(path);
    bytes = await readFile(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    throw new StageError('the file of published values does not exist', {
      code: 'io',
      file: path,
      fix: 'correct the path (published), which is relative to the pipeline file',
      cause: error,
    });
  }
  return placed(path, () => readPublished(decode(bytes, path), values));
}

/** Throws a `StageError` if a name in the file fits no score. */
export function requirePublishedNames(
  published: Published,
  rows: readonly ScoreRow[],
  path: string,
  required = varyingAxes(rows),
): void {
  const known = {
    axes: new Map(axisNames(rows).map((name) => [name, axisLabels(rows, name)])),
    numbers: valueNames(rows),
    required,
  };
  placed(path, () => {
    for (const problem of publishedProblems(published, known)) throw problem;
  });
}

/** Calls `work` and returns its result; a `CsvError` becomes a `StageError` that names the file. */
export function placed<T>(path: string, work: () => T): T {
  try {
    return work();
  } catch (error) {
    if (!(error instanceof CsvError)) throw error;
    throw new StageError(`${basename(path)}, ${sentence(error)}`, {
      code: 'bad-data',
      file: path,
      fix: error.fix,
      cause: error,
    });
  }
}

/** The warning if no published value stands beside a score; undefined if some do. */
export function unusedWarning(published: Published, used: number, path: string): string | undefined {
  if (used > 0 || published.rows.length === 0) return undefined;
  const labels = published.axes.map(({ name }) => {
    const texts = [...new Set(published.rows.flatMap(({ axes }) => axes[name] ?? []))];
    return `${name}: ${shortList(texts)}`;
  });
  return `none of the ${published.rows.length} published values of ${path} is about one of the scores (${labels.join('; ')})`;
}

/**
 * The problems of the file that are known before a run: what is wrong in it, and names that fit no score. `values` are
 * the numbers that the report shows; `averaged` are axes that it averages over.
 */
export function checkPublishedFile(
  path: string | undefined,
  values: readonly string[],
  inputs: KnownInputs,
  read: ReadFile,
  averaged: readonly string[],
  requiredOf: (varying: readonly string[], published: Published) => readonly string[] = (varying) => varying,
): readonly ParameterProblem[] {
  const bytes = path === undefined ? null : read(path);
  if (bytes === null) return [];
  try {
    const published = readPublished(decode(bytes, path!), values);
    const known = knownScores(inputs['scores'] ?? [], averaged);
    if (known === undefined) return [];
    const required = requiredOf(known.required, published);
    const names = publishedProblems(published, { ...known, required });
    return names.map((error) => problem(path!, error));
  } catch (error) {
    if (!(error instanceof CsvError)) throw error;
    return [problem(path!, error)];
  }
}

/** The names in the scores that the graph knows; undefined if it does not know all axes. */
function knownScores(values: KnownInputs[string], averaged: readonly string[]): KnownScores | undefined {
  const axes = new Map<string, Label[] | undefined>();
  if (values.length === 0 || values.some(({ innerAxes }) => innerAxes === undefined)) return undefined;
  for (const { axes: labels, innerAxes } of values) {
    for (const [name, label] of Object.entries(labels)) {
      const list = axes.get(name) ?? [];
      if (!list.includes(label)) list.push(label);
      axes.set(name, list);
    }
    for (const name of innerAxes!) axes.set(name, undefined);
  }
  for (const name of averaged) axes.delete(name);
  const varying = [...axes].filter(([, labels]) => labels !== undefined && labels.length > 1);
  return {
    axes,
    numbers: values.flatMap((value) => value.values ?? []),
    required: varying.map(([name]) => name),
  };
}

function problem(path: string, error: CsvError): ParameterProblem {
  return { code: 'bad-file', path: ['published'], message: `${path}, ${sentence(error)}`, fix: error.fix };
}

function sentence({ line, column, message }: CsvError): string {
  return `line ${line}, column ${column}: ${message}`;
}

function decode(bytes: Uint8Array, path: string): string {
  const problem = encodingProblem(bytes);
  if (problem === null) return decodeText(bytes, path);
  const place = problem === 'UTF-16' ? { line: 1, column: 1 } : problem;
  const encoding = problem === 'UTF-16' ? 'the file is UTF-16, not UTF-8' : 'the file is not UTF-8';
  throw new CsvError(place, encoding, 'save it as CSV in UTF-8');
}

function tooLarge(path: string): StageError {
  return new StageError('the file of published values is larger than 16 MiB', {
    code: 'bad-data',
    file: path,
    fix: 'name a CSV file of numbers (published)',
  });
}
