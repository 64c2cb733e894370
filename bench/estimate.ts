/**
 * How right the time left was in recorded runs: npm run bench -- estimate [--idle] [--after LEDGER] [--svg FILE] LEDGER...
 *
 * A ledger is an events.jsonl, gzipped or not. --idle replays the run as it would have been without other programs on the machine, --after gives the
 * estimate the measured units of another run, and --svg draws estimate and truth.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { basename, dirname } from 'node:path';
import { parseArgs } from 'node:util';
import { gunzipSync } from 'node:zlib';
import { drawCurves } from '../src/report/curves.ts';
import { priorOfUnits } from '../src/cli/measured-units.ts';
import type { Prior } from '../src/dashboard/estimate.ts';
import { measuredUnits } from '../src/runtime/cost/measured.ts';
import { undisturbedUnits } from '../src/runtime/cost/undisturbed.ts';
import type { RunEvent } from '../src/runtime/events.ts';
import { parseEvent } from '../src/runtime/run/parse-event.ts';
import { withoutOtherPrograms } from '../test/dashboard/fixtures/recorded-ledgers.ts';
import {
  isInRange,
  isRight,
  judgedLooks,
  type Look,
  replayedEstimate,
  shareOf,
} from '../test/dashboard/fixtures/replayed-estimate.ts';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { idle: { type: 'boolean' }, after: { type: 'string' }, svg: { type: 'string' } },
});

function readLedger(path: string): readonly RunEvent[] {
  const bytes = readFileSync(path);
  const text = (path.endsWith('.gz') ? gunzipSync(bytes) : bytes).toString('utf8');
  return text
    .trimEnd()
    .split('\n')
    .flatMap((line) => parseEvent(line) ?? []);
}

/** The prior of a run as the command line makes it: the wall-clock seconds of earlier units, and the rates of its backend. */
function priorOf(backend: string): Prior {
  const units = values.after === undefined ? [] : undisturbedUnits(measuredUnits(readLedger(values.after)));
  return priorOfUnits(units, backend);
}

/** Estimates above it, in per cent of the run, are drawn at it. */
const highest = 200;
const drawnEvery = 5;

const panels = positionals.map((path) => {
  const recorded = readLedger(path);
  const events = values.idle === true ? withoutOtherPrograms(recorded) : recorded;
  const [begun] = events;
  const looks = replayedEstimate(events, priorOf(begun?.type === 'run-started' ? begun.backend : 'wasm'));
  const judged = judgedLooks(looks);
  const percent = (is: (look: Look) => boolean): string => `${Math.round(100 * shareOf(judged, is))} %`;
  const name = basename(path).startsWith('events.') ? basename(dirname(path)) : basename(path);
  console.log(
    `${name}: ${looks[0]!.truth.toFixed(0)} s, within a factor of 1.5 for ${percent(isRight)} of the time, in its range for ${percent(isInRange)}`,
  );
  const whole = looks[0]!.truth;
  const share = (seconds: number): number => Math.min(highest, (100 * seconds) / whole);
  return {
    title: name.replace(/\.jsonl(\.gz)?$/, ''),
    series: [
      {
        name: 'truth',
        points: [
          { x: 0, y: 100 },
          { x: 100, y: 0 },
        ],
      },
      {
        name: 'estimate and its range',
        points: looks
          .filter((_, look) => look % drawnEvery === 0)
          .flatMap(({ at, remaining }) =>
            remaining === null
              ? []
              : [
                  {
                    x: share(at),
                    y: share(remaining.seconds),
                    low: share(remaining.low),
                    high: share(remaining.high),
                  },
                ],
          ),
      },
    ],
  };
});
if (values.svg !== undefined)
  writeFileSync(
    values.svg,
    drawCurves({
      title: '',
      xLabel: 'time since the start (% of the run)',
      yLabel: 'time left (% of the run)',
      yDomain: [0, highest],
      intervals: 'bands',
      panels,
    }),
  );
