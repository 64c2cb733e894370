import { explain as explainCode, explainedCodes } from '../../dsl/explain.ts';
import { exitCodes, type ExitCode, UsageError } from '../exit-codes.ts';
import { formatColumns, print } from '../output.ts';

export function explain(code: string | undefined): ExitCode {
  if (code === undefined) {
    print(formatColumns(explainedCodes().map(({ code: name, title }) => [name, title])));
    return exitCodes.ok;
  }
  const page = explainCode(code);
  if (page === undefined)
    throw new UsageError(`no error has the code '${code}'`, "'ravelin explain' lists them");
  print(page);
  return exitCodes.ok;
}
