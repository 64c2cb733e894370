import {
  explain as explainCode,
  explainList,
  explainMarkdown,
  unknownCode,
} from '../../dsl/diagnostics/explain.ts';
import { exitCodes, type ExitCode, UsageError } from '../exit-codes.ts';
import { print } from '../output.ts';

export function explain(code: string | undefined, options: { readonly markdown?: boolean }): ExitCode {
  if (options.markdown) {
    print(explainMarkdown());
    return exitCodes.ok;
  }
  if (code === undefined) {
    print(explainList());
    return exitCodes.ok;
  }
  const page = explainCode(code);
  if (page === undefined) throw new UsageError(unknownCode(code), "'ravelin explain' lists them");
  print(page);
  return exitCodes.ok;
}
