import { countCells, formatCount, formatDuration, plural, rerunCommand } from './format.ts';
import type { DashboardState } from './state.ts';

/** Number of failures shown in full; one line counts the others. */
const shownFailures = 20;

/**
 * The end of a run in all renderers: failures first, each with its log and the command that runs it again,
 * then warnings, files that were published or could not be, and one line of totals.
 */
export function summaryLines(state: DashboardState): readonly string[] {
  const lines: string[] = [];
  for (const { cell, failure, blocked } of state.failures.slice(0, shownFailures)) {
    lines.push(`failed: ${cell}`, `  ${indented(failure.message)} [${failure.code}]`);
    if (failure.file !== undefined && !failure.message.includes(failure.file))
      lines.push(`  file:  ${failure.file}`);
    if (failure.fix !== undefined) lines.push(`  fix:   ${indented(failure.fix)}`);
    lines.push(`  at:    ${failure.at}`);
    if (failure.attempts > 1) lines.push(`  tried: ${plural(failure.attempts, 'time')}`);
    if (blocked > 0) lines.push(`  blocks ${plural(blocked, 'cell')}`);
    lines.push(`  log:   ${failure.log}`, `  again: ${rerunCommand(state, cell)}`, '');
  }
  const more = state.failures.length - shownFailures;
  if (more > 0) lines.push(`… and ${plural(more, 'more failure')}: ravelin status ${state.file}`, '');
  for (const [message, cells] of groupWarnings(state.warnings)) {
    const [first] = cells;
    const from =
      first === undefined ? '' : ` (${first}${cells.size > 1 ? ` and ${cells.size - 1} more` : ''})`;
    lines.push(`warning: ${indented(message)}${from}`);
  }
  for (const { cell, message, fix, stale } of state.unpublished) {
    lines.push(`not published: ${indented(message)} (${cell})`);
    if (stale) lines.push('  the file that is there holds an earlier result');
    if (fix !== undefined) lines.push(`  fix:   ${fix}`);
    lines.push(`  again: ${rerunCommand(state, cell)}`);
  }
  if (state.finished?.status === 'interrupted')
    lines.push('resume: run the same command again; everything committed is kept');
  for (const { path } of state.published) lines.push(`published: ${path}`);
  lines.push(totalsLine(state));
  return lines;
}

/** Keeps the further lines of a text below its first one, so that none of them looks like one of the summary. */
function indented(text: string): string {
  return text.trimEnd().replaceAll(/\r?\n/g, '\n  ');
}

/** `figure-4: ok · 48 cells · 12 shards ran, 36 reused · 2:31 · saved 4:10`. */
export function totalsLine(state: DashboardState): string {
  const { finished, pipeline, counts } = state;
  const name = pipeline === '' ? 'run' : pipeline;
  if (finished === null) return `${name}: the run has not ended`;
  const { totals, seconds } = finished;
  const parts = [
    `${name}: ${statusOf(state, finished.status)}`,
    countCells(totals),
    `${plural(totals.ran, 'shard')} ran, ${formatCount(totals.reused)} reused`,
  ];
  if (totals.failed > 0) parts.push(`${formatCount(totals.failed)} failed`);
  if (counts.blocked > 0) parts.push(`${formatCount(counts.blocked)} not run`);
  parts.push(formatDuration(seconds));
  if (state.savedSeconds >= 0.05) parts.push(`saved ${formatDuration(state.savedSeconds)}`);
  return parts.join(' · ');
}

/** A run that computed everything and could not publish all of it has failed for scripts, but not for people. */
function statusOf({ failures, unpublished }: DashboardState, status: string): string {
  if (unpublished.length === 0) return status;
  const problem = `${plural(unpublished.length, 'file')} could not be published`;
  return failures.length === 0 && status === 'failed' ? `finished, ${problem}` : `${status}, ${problem}`;
}

/** Groups the cells by warning, so that each warning is shown once. */
export function groupWarnings(
  warnings: DashboardState['warnings'],
): ReadonlyMap<string, ReadonlySet<string>> {
  const groups = new Map<string, Set<string>>();
  for (const { cell, message } of warnings) {
    const cells = groups.get(message) ?? new Set();
    if (cell !== null) cells.add(cell);
    groups.set(message, cells);
  }
  return groups;
}
