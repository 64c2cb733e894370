import { statSync } from 'node:fs';
import type { Prior } from '../dashboard/estimate.ts';
import defaultRates from '../runtime/cost/default-rates.json' with { type: 'json' };
import { measuredEvents, measuredUnits, observedUnits, type MeasuredUnit } from '../runtime/cost/measured.ts';
import { undisturbedUnits } from '../runtime/cost/undisturbed.ts';
import type { Rates } from '../runtime/cost/rates.ts';
import { listRuns, readLedger } from '../runtime/run/read-ledger.ts';

/** Units of this number of runs, the latest ones, are read. */
const mostRuns = 50;

/**
 * The units of the latest runs of a cache, or of as many of them as have ledgers of `mostBytes` together. A ledger that cannot be read says
 * nothing.
 */
export function unitsOfCache(
  cacheFolder: string,
  isWanted: (unit: MeasuredUnit) => boolean,
  mostBytes = Infinity,
): readonly MeasuredUnit[] {
  const units: MeasuredUnit[] = [];
  let bytes = 0;
  for (const { run, folder } of listRuns(cacheFolder).slice(-mostRuns).reverse()) {
    bytes += statSync(`${folder}/events.jsonl`, { throwIfNoEntry: false })?.size ?? 0;
    if (bytes > mostBytes) break;
    try {
      const measured = measuredUnits(readLedger(cacheFolder, run, measuredEvents));
      for (const unit of undisturbedUnits(measured)) if (isWanted(unit)) units.push(unit);
    } catch {
      // `ravelin runs` reports it.
    }
  }
  return units;
}

/** A screen that opens must not wait for the reading of old ledgers. */
const mostBytesForScreen = 8 << 20;

/** Knowledge of the time of units: from earlier runs on this backend, and from the rates that come with ravelin. */
export function priorOfCache(cacheFolder: string, backend: string): Prior {
  const units = unitsOfCache(cacheFolder, (unit) => unit.backend === backend, mostBytesForScreen);
  return priorOfUnits(units, backend);
}

export function priorOfUnits(units: readonly MeasuredUnit[], backend: string): Prior {
  const { backends } = defaultRates as Rates;
  return {
    secondsPer: (backends[backend] ?? backends['wasm'])?.secondsPer ?? {},
    earlier: observedUnits(units, 'earlier'),
  };
}
