import type { RunReport } from '../../report/html/run-report.ts';

/** The report of a run, and where it is from. */
export interface NamedReport {
  readonly run: string;
  readonly tags: readonly string[];
  readonly cacheFolder: string;
  readonly report: RunReport;
}
