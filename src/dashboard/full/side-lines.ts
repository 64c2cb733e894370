import { imageRate } from '../estimate.ts';
import { formatBytes, formatCount, formatDuration, formatRate } from '../format.ts';
import type { DeviceLoad } from '../renderer.ts';
import type { DashboardState, WorkerState } from '../state.ts';
import type { FullSnapshot } from './full-screen.ts';
import { isTraining, trainingInfo } from '../stage-info.ts';
import { cellText, span, textColumns } from '../parts/theme.ts';
import type { Line, Theme } from '../parts/theme.ts';
import { at } from '../vector.ts';
import { barRows } from './sparkline.ts';

/** A line for each device, and one for each worker: its cell and how far it is, and what it has done so far. */
export function workerLines(
  { state, theme, now, devices }: Pick<FullSnapshot, 'state' | 'now' | 'devices'> & { readonly theme: Theme },
  width: number,
  selected: number | null,
): readonly Line[] {
  if (state.workerStates.size === 0)
    return [[span(state.finished === null ? 'no worker has started yet' : 'nothing was computed', 'dim')]];
  const sorted = [...state.workerStates].sort(([a], [b]) => a - b);
  const digits = Math.max(...sorted.map(([id]) => String(id).length));
  const ofDevices = devices.map((device): Line => [span(deviceText(device), 'dim')]);
  const ofWorkers = sorted.map(([id, worker]): Line => {
    const { text, cell } = doing(worker, state, now);
    const sums = width >= 60 ? sumsOf(worker, state, now) : '';
    const room = width - digits - 3 - textColumns(sums) - (sums === '' ? 0 : 1);
    const isSelected = cell !== null && cell === selected;
    return [
      span(String(id).padStart(digits), 'dim'),
      span(cell === null ? ' ' : ` ${theme.glyphs.running}`, 'busy'),
      span(' '),
      span(
        cellText(text, Math.max(1, room), 'left', theme.glyphs.ellipsis),
        cell === null ? 'dim' : isSelected ? 'bold' : 'plain',
      ),
      span(sums === '' ? '' : ` ${sums}`, 'dim'),
    ];
  });
  return [...ofDevices, ...ofWorkers];
}

/** `device 0 NVIDIA H200: 1.0 GiB of 140 GiB, 37 % busy`. */
function deviceText({ name, usedBytes, totalBytes, busy }: DeviceLoad): string {
  const load = busy === null ? '' : `, ${Math.round(100 * busy)} % busy`;
  return `device ${name}: ${formatBytes(usedBytes)} of ${formatBytes(totalBytes)}${load}`;
}

function doing(
  { shard: name, since }: WorkerState,
  state: DashboardState,
  now: number,
): { readonly text: string; readonly cell: number | null } {
  const shard = name === null ? undefined : state.running.get(name);
  if (shard === undefined)
    return {
      text: state.finished === null ? `waiting for ${formatDuration((now - since) / 1000)}` : 'ended',
      cell: null,
    };
  const cell = at(state.cells, shard.cell)!;
  const part = cell.shards.total > 1 ? ` shard ${shard.shard + 1}` : '';
  const progress = isTraining(cell)
    ? ` ${trainingInfo(cell, shard, now)}`
    : shard.total > 0
      ? ` ${formatCount(shard.done)}/${formatCount(shard.total)} ${shard.unit}`
      : '';
  const time = formatDuration(Math.max(0, now - shard.startedAt) / 1000);
  return { text: `${time.padStart(6)} ${cell.id}${part}${progress}`, cell: shard.cell };
}

function sumsOf(
  { shards, seconds, cpuSeconds, peakBytes }: WorkerState,
  state: DashboardState,
  now: number,
): string {
  const end = state.finished === null ? now : state.now;
  const elapsed = Math.max(0.001, (end - (state.startedAt ?? end)) / 1000);
  const busy = `${Math.min(100, Math.round((100 * seconds) / elapsed))} % busy`;
  const cpu = cpuSeconds > 0 ? `, ${(cpuSeconds / Math.max(seconds, 0.001)).toFixed(1)} CPU` : '';
  return `${formatCount(shards)} shards, ${busy}${cpu}, ${formatBytes(peakBytes)}`;
}

/** Bars of the images of each period since the run began, with what a second is now and at most. */
export function historyLines(
  { state, theme, now }: { readonly state: DashboardState; readonly theme: Theme; readonly now: number },
  width: number,
  height: number,
): readonly Line[] {
  const { images, periodMs } = state.history;
  if (images.length === 0) return [[span('no image has been computed yet', 'dim')]];
  const end = state.finished === null ? now : state.now;
  const periods = Math.max(images.length, Math.floor((end - (state.startedAt ?? end)) / periodMs));
  const all = Array.from({ length: Math.min(periods, 1000) }, (_, period) => images[period] ?? 0);
  const rows = barRows(all, width, Math.max(1, height - 1), theme);
  const rate = state.finished === null ? imageRate(state, now) : null;
  const most = Math.max(...images) / (periodMs / 1000);
  const total = images.reduce((sum, count) => sum + count, 0);
  const facts = [
    ...(rate === null ? [] : [`${formatRate(rate)} images/s now`]),
    `at most ${formatRate(most)} images/s`,
    `${formatCount(total)} images`,
  ];
  return [...rows.map((row): Line => [span(row, 'good')]), [span(facts.join(', '), 'dim')]];
}
