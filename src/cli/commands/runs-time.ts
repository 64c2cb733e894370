import type { RunInfo } from '../../runtime/run/read-ledger.ts';
import { isPartialProfile } from '../../runtime/executors/task/profile-names.ts';
import { phases } from '../../timing/phases.ts';
import { exitCodes, type ExitCode } from '../exit-codes.ts';
import { complain, formatBytes, formatColumns, print, printJson } from '../output.ts';
import { profilePaths } from '../profiles.ts';
import { profileGroups, type ProfileSum, sumProfiles } from '../profile-shares.ts';
import { eventsOfRun } from '../run-events.ts';
import { type RunTimes, sumTimes, timedEvents, type TimeSum } from '../run-times.ts';

/** Functions of a profile that are shown. */
const shownFunctions = 20;

/** Shows where the time of a run went: by stage, and by function if the run wrote CPU profiles. */
export function runsTime({ run, folder }: RunInfo, cacheFolder: string, json: boolean): ExitCode {
  const times = sumTimes(eventsOfRun(cacheFolder, run, [...timedEvents]));
  const paths = profilePaths(folder);
  const profile = paths.length === 0 ? null : sumProfiles(paths, leftOut);
  for (const path of paths.filter(isPartialProfile))
    complain(`warning: the profile ${path} ends early, because the rest of it could not be written`);
  if (json) {
    const functions = profile?.functions.slice(0, shownFunctions) ?? [];
    printJson({ run, ...times, profile: profile === null ? null : { ...profile, functions } });
    return exitCodes.ok;
  }
  print(stageTable(times));
  if (profile !== null && profile.files.length > 0) print(`\n${profileTable(profile)}`);
  return exitCodes.ok;
}

function leftOut(path: string, reason: string): void {
  complain(`warning: the profile ${path} is left out, because it is not whole: ${reason}`);
}

/** The table of stages, and what the workers did meanwhile. */
export function stageTable({ seconds, stages, total, workers, unmeasured }: RunTimes): string {
  const lines: string[] = [];
  if (stages.length === 0) lines.push('nothing was computed in this run');
  else {
    // Only a backend whose memory is another counts what crosses.
    const crossed = total.fed !== undefined;
    const cellsOf = ({ units, wall, cpu, fed = 0, fetched = 0, ...spent }: TimeSum): string[] => [
      String(units),
      wall.toFixed(2),
      cpu.toFixed(2),
      ...phases.map((phase) => percent(spent[phase], wall)),
      ...(crossed ? [formatBytes(fed), formatBytes(fetched)] : []),
    ];
    const rows = [
      ['stage', 'units', 'wall s', 'cpu s', ...phases, ...(crossed ? ['to device', 'from device'] : [])],
      ...stages.map((stage) => [stage.stage, ...cellsOf(stage)]),
      ['total', ...cellsOf(total)],
    ];
    lines.push(formatColumns(alignedRight(rows)));
  }
  if (unmeasured > 0) {
    const units = unmeasured === 1 ? 'one unit has' : `${unmeasured} units have`;
    lines.push(`${units} no times, because an earlier version of ravelin computed them`);
  }
  if (workers !== null) {
    const { count, computing, starting, waiting } = workers;
    const all = count * seconds;
    const who = count === 1 ? 'one worker' : `${count} workers`;
    const parts = [
      `${percent(computing, all)} computing`,
      `${percent(starting, all)} starting`,
      `${percent(waiting, all)} waiting`,
    ];
    lines.push('', `${who} in ${seconds.toFixed(1)} s: ${parts.join(', ')}`);
  }
  return lines.join('\n');
}

/** The groups of functions, and the functions with the most time of their own. */
export function profileTable({ files, seconds, groups, functions }: ProfileSum): string {
  const shown = profileGroups.filter((group) => groups[group] > 0);
  const shares = [
    ['in the profiles', 's', '%'],
    ...shown.map((group) => [group, groups[group].toFixed(2), percent(groups[group], seconds)]),
    [files.length === 1 ? 'one worker' : `${files.length} workers`, seconds.toFixed(2), percent(1, 1)],
  ];
  const tops = [
    ['s', '%', 'group', 'function', ''],
    ...functions
      .slice(0, shownFunctions)
      .map((one) => [one.seconds.toFixed(2), percent(one.seconds, seconds), one.group, one.name, one.place]),
  ];
  return `${formatColumns(alignedRight(shares))}\n\n${formatColumns(tops)}`;
}

function percent(part: number, whole: number): string {
  return whole === 0 ? '0 %' : `${((100 * part) / whole).toFixed(part / whole < 0.0995 ? 1 : 0)} %`;
}

/** Pads all columns but the first at their left. */
function alignedRight(rows: readonly (readonly string[])[]): string[][] {
  const widths = rows[0]!.map((_, column) => Math.max(...rows.map((row) => row[column]!.length)));
  return rows.map((row) => row.map((cell, column) => (column === 0 ? cell : cell.padStart(widths[column]!))));
}
