import type { Basis } from '../runtime/cost/measured.ts';
import type { StageCost } from '../runtime/cost/estimate.ts';
import type { CostReport } from './cost-report.ts';
import { formatBytes } from './output.ts';

/** Columns of a narrow terminal. */
const width = 80;
const mostName = 26;

/** Writes what a run would cost, as a table of stages and a few sentences. */
export function costText(report: CostReport): string {
  const { cost } = report;
  const running = cost.stages.filter(({ units }) => units.run > 0);
  const lines = running.length === 0 ? [] : [table(running, report), '', ...workerLines(report), ''];
  return [...lines, ...sentences(report).map(wrapped)].join('\n');
}

function table(stages: readonly StageCost[], { cost, card }: CostReport): string {
  const rows = [
    ['stage', 'units', card === null ? 'CPU time' : 'time', 'disk', 'memory', 'known from'],
    ...stages.map((stage) => row(stage.stage, stage)),
    row('total', cost.total),
  ];
  const widths = rows[0]!.map((_, column) => Math.max(...rows.map((cells) => cells[column]!.length)));
  return rows
    .map((cells) =>
      cells
        .map((cell, column) =>
          column === 0 || column === cells.length - 1
            ? cell.padEnd(column === 0 ? widths[column]! : 0)
            : cell.padStart(widths[column]!),
        )
        .join('  '),
    )
    .join('\n');
}

function row(name: string, cost: Omit<StageCost, 'stage'>): string[] {
  const { units, seconds, unknownUnits, diskBytes, isDiskUnknown, memoryBytes, memoryBasis } = cost;
  const atLeast = (isUnknown: boolean, value: number, text: string): string =>
    isUnknown ? (value > 0 ? `≥ ${text}` : '?') : text;
  return [
    name.length > mostName ? `${name.slice(0, mostName - 1)}…` : name,
    units.run.toLocaleString('en-US'),
    atLeast(unknownUnits > 0, seconds, formatDuration(seconds)),
    atLeast(isDiskUnknown, diskBytes, formatBytes(diskBytes)),
    memoryBytes === null ? '?' : `${memoryBasis === 'shapes' ? '~' : ''}${formatBytes(memoryBytes)}`,
    knownFrom(cost),
  ];
}

const basisOrder = ['measured', 'scaled', 'default', 'assumed'] as const;

/** The least sure basis of a tenth of the time or more. */
function knownFrom({ secondsBy, seconds, unknownUnits }: Omit<StageCost, 'stage'>): Basis {
  if (unknownUnits > 0) return 'unknown';
  return (
    basisOrder.findLast((basis) => secondsBy[basis] > 0 && secondsBy[basis] >= seconds / 10) ?? 'measured'
  );
}

function workerLines({ workers, card, cost }: CostReport): string[] {
  const unit = card === null ? 'worker' : 'GPU';
  const atLeast = cost.total.unknownUnits > 0 ? 'at least ' : '';
  return workers.map(
    ({ workers: count, wallSeconds }) =>
      `${atLeast}${formatDuration(wallSeconds)} with ${count.toLocaleString('en-US')} ${unit}${count === 1 ? '' : 's'}`,
  );
}

function sentences(report: CostReport): string[] {
  const { cost, measured, defaults, card, missing, backend } = report;
  const { total } = cost;
  const { run, reused, shared } = total.units;
  const all: string[] = [];
  const count = (units: number): string =>
    `${units.toLocaleString('en-US')} ${units === 1 ? 'unit' : 'units'}`;
  all.push(
    `${count(run)} would be computed. ${count(reused)} are in the cache and ${count(shared)} are the same as others of this plan; they cost nothing.`,
  );
  if (run === 0) return all;
  if (card === null) all.push(`CPU time is that of all workers together, on ${backend}.`);
  else
    all.push(
      `Time is that in which a worker holds its GPU: ${formatDuration(total.cardSeconds)} for networks on the GPU, and ${formatDuration(Math.max(0, total.seconds - total.cardSeconds))} for all else, counted as on one thread of the CPU. TVM and the patch search have forms for GPUs, of which no time is known.`,
    );
  const { longest } = cost;
  all.push(
    `No number of workers takes less than ${formatDuration(cost.criticalSeconds)}, the longest chain of units that wait for each other${longest === null ? '' : `; ${formatDuration(longest.seconds)} of it are a unit of ${longest.cell}`}.`,
  );
  const share = (basis: (typeof basisOrder)[number]): number => total.secondsBy[basis];
  const hosts = measured.hosts.join(', ');
  if (share('measured') > 0)
    all.push(
      `measured (${percent(share('measured'), total.seconds)}): units that differ only in their number, on ${hosts}.`,
    );
  if (share('scaled') > 0)
    all.push(
      `scaled (${percent(share('scaled'), total.seconds)}): units of the same stage type on ${hosts}, scaled by what they compute.`,
    );
  if (share('default') > 0 && defaults !== null)
    all.push(
      `default (${percent(share('default'), total.seconds)}): rates that come with ravelin, measured on ${defaults.machine}, on ${defaults.date}. Run a small profile once, and this machine's own are used.`,
    );
  if (share('assumed') > 0 && card !== null)
    all.push(
      `assumed (${percent(share('assumed'), total.seconds)}): an estimate. Nothing was measured on a GPU: networks are taken to reach ${percent(card.share, 1)} of the ${card.peak / 1e12} TFLOPS in float32 of an ${card.name}.${defaults === null ? '' : ` The CPU part of these units is by rates of wasm on ${defaults.machine}.`}`,
    );
  if (total.unknownUnits > 0) {
    const names = cost.stages.filter(({ unknownUnits }) => unknownUnits > 0).map(({ stage }) => stage);
    all.push(
      `unknown: ${count(total.unknownUnits)} of ${names.slice(0, 8).join(', ')}${names.length > 8 ? ` and ${names.length - 8} more` : ''} are not in the sums, because their stage types or inputs do not say what they compute.`,
    );
  }
  if (cost.stages.some(({ memoryBasis, units }) => memoryBasis === 'shapes' && units.run > 0))
    all.push('Memory is that of one worker; after ~ it follows from shapes and was not measured.');
  all.push(...missingSentences(missing));
  for (const { cell, message } of cost.impossible) all.push(`${cell} cannot run: ${message}.`);
  return all;
}

/** Images that are counted by parameters, and how many files of weights are missing. */
function missingSentences(missing: CostReport['missing']): string[] {
  const sentences = missing.flatMap(({ message, images }) =>
    images === null
      ? []
      : [`${message}; ${images.toLocaleString('en-US')} images are taken from the parameters.`],
  );
  const networks = missing.flatMap(({ message, isNetwork = false }) => (isNetwork ? [message] : []));
  sentences.push(...networks.map((message) => `${message}, so what its network costs is not known.`));
  const weights = [
    ...new Set(
      missing.flatMap(({ message, images, isNetwork }) => (images === null && !isNetwork ? [message] : [])),
    ),
  ];
  if (weights.length > 0) {
    const others = weights.length - 1;
    const also = others === 0 ? '' : `, and ${others} more ${others === 1 ? 'file' : 'files'} of weights`;
    sentences.push(`${weights[0]!}${also}; their sizes follow from the networks.`);
  }
  return [...new Set(sentences)];
}

function percent(part: number, whole: number): string {
  const value = whole > 0 ? (100 * part) / whole : 0;
  return `${value < 1 && value > 0 ? '< 1' : Math.round(value)} %`;
}

/** A duration to two or three digits: `0.3 s`, `45 s`, `12 min`, `3.4 h`, `1,250 h`. */
export function formatDuration(seconds: number): string {
  if (seconds < 9.95) return `${seconds.toFixed(1)} s`;
  if (seconds < 119.5) return `${Math.round(seconds)} s`;
  if (seconds < 7170) return `${Math.round(seconds / 60)} min`;
  const hours = seconds / 3600;
  return `${hours < 9.95 ? hours.toFixed(1) : Math.round(hours).toLocaleString('en-US')} h`;
}

/** Breaks a sentence into lines of the terminal. */
function wrapped(sentence: string): string {
  const lines: string[] = [];
  let line = '';
  for (const word of sentence.split(' ')) {
    if (line !== '' && line.length + 1 + word.length > width) {
      lines.push(line);
      line = word;
    } else line = line === '' ? word : `${line} ${word}`;
  }
  return [...lines, line].join('\n');
}
