import { loadPipeline } from '../../dsl/load.ts';
import { reportPage } from '../../report/html/page.ts';
import { stages } from '../../stages/index.ts';
import { exitCodes, type ExitCode } from '../exit-codes.ts';
import { findNamedRun } from '../find-named-run.ts';
import type { NamedReport } from '../report/named-report.ts';
import { readReport } from '../report/read-report.ts';
import { writePage } from '../report/write-page.ts';

interface Options {
  readonly to?: string;
  readonly cache?: string;
  readonly singleFile?: boolean;
}

/**
 * Writes what a run found into one HTML file, or what two runs found beside each other. A pipeline file stands for its latest run. Nothing is
 * computed, and no code of the project runs.
 */
export async function report(
  named: string | undefined,
  other: string | undefined,
  options: Options,
): Promise<ExitCode> {
  const first = readNamed(named, options);
  if (other === undefined) {
    await writePage(
      (attachments) => reportPage(first.report, attachments),
      options.to ?? `${first.run}.html`,
      options,
    );
    return exitCodes.ok;
  }
  const second = readNamed(other, options);
  const [{ comparisonPage }, { compareReports, claimDifference }] = await Promise.all([
    import('../../report/html/comparison-page.ts'),
    import('../report/compare-reports.ts'),
  ]);
  const comparison = await compareReports(first, second);
  await writePage(
    (attachments) => comparisonPage(comparison, attachments, claimDifference),
    options.to ?? `${first.run}-${second.run}.html`,
    options,
  );
  return exitCodes.ok;
}

function readNamed(named: string | undefined, options: Options): NamedReport {
  const { cacheFolder, info } = findNamedRun(named, options.cache);
  // The files are wanted even if the pipeline has errors by now, or stage types of plugins.
  const sources =
    info.started === null ? [] : loadPipeline({ file: info.started.file, registry: stages }).sources;
  return { run: info.run, tags: info.tags, cacheFolder, report: readReport(cacheFolder, info, sources) };
}
