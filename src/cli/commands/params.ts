import { latestRun } from '../../runtime/run/read-ledger.ts';
import { canonicalJson } from '../../values/json.ts';
import { resolve } from 'node:path';
import { cacheFolderOf } from '../cache-folder.ts';
import { exitCodes, type ExitCode } from '../exit-codes.ts';
import { formatColumns, print, printJson } from '../output.ts';
import { openGraph, type PipelineOptions } from '../pipeline.ts';
import { shown } from '../run-params.ts';

/**
 * Prints the params of a pipeline: their values with these options, what they are without, and what the latest run had, where these differ.
 */
export async function params(
  file: string,
  options: PipelineOptions & { readonly json?: boolean },
): Promise<ExitCode> {
  const { params: values } = await openGraph(file, options, { remember: false });
  const { set: _set, profile: _profile, ...plain } = options;
  const { params: defaults } = await openGraph(file, plain, { remember: false });
  const last = latestRun(cacheFolderOf(resolve(file), options.cache), resolve(file))?.started?.params ?? null;
  const rows = Object.entries(values).map(([name, value]) => ({
    name,
    value,
    default: defaults[name] ?? null,
    latestRun: last?.[name] ?? null,
  }));
  if (options.json) {
    printJson(rows);
    return exitCodes.ok;
  }
  if (rows.length === 0) print(`${file} has no params`);
  else {
    const unlike = (one: (typeof rows)[number]['value'], other: (typeof rows)[number]['value']): string =>
      other === null || canonicalJson(one) === canonicalJson(other) ? '' : shown(other);
    const columns = [
      ['param', 'value', 'without options', 'latest run'],
      ...rows.map((row) => [
        row.name,
        shown(row.value),
        unlike(row.value, row.default),
        unlike(row.value, row.latestRun),
      ]),
    ];
    const used = columns[0]!.map(
      (_, column) => column < 2 || columns.slice(1).some((row) => row[column] !== ''),
    );
    print(formatColumns(columns.map((row) => row.filter((_, column) => used[column]))));
  }
  return exitCodes.ok;
}
