// Measures the rates by which `ravelin plan --cost` estimates what was never run on a machine:
//
//   node scripts/measure-rates.mjs CACHE … > src/runtime/cost/default-rates.json
//
// reads the ledgers of all runs in the caches, and finds the seconds of each operation that explain the processor seconds of the
// units best: the least squares of the relative deviations, with no rate below zero. The runs are ordinary ones, for example of
// pipelines/guo-2018.yaml. Run `npm run build` first, and let nothing else use the machine if you can.
import { readdirSync, readFileSync } from 'node:fs';
import { cpus } from 'node:os';

const caches = process.argv.slice(2);
if (caches.length === 0) throw new Error('give the folders of caches whose runs are to be read');

const backends = {};
const runs = [];
let count = 0;
for (const cache of caches) {
  for (const run of readdirSync(`${cache}/runs`).sort()) {
    const events = readFileSync(`${cache}/runs/${run}/events.jsonl`, 'utf8')
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => JSON.parse(line));
    const { pipeline, choices, backend } = events.find(({ type }) => type === 'run-started');
    const cells = new Map();
    const profile = choices?.profile?.map((name) => ` -p ${name}`).join('') ?? '';
    const set = choices?.set?.map((text) => ` -S ${text}`).join('') ?? '';
    runs.push(`${pipeline}${profile}${set} on ${backend}`);
    backends[backend] ??= { units: [], starts: [], peaks: [], threads: [] };
    const into = backends[backend];
    const byStage = new Set();
    for (const event of events) {
      if (event.type === 'cell-planned') cells.set(event.cell, event);
      if (event.type !== 'shard-committed' || event.reused || event.time === undefined) continue;
      const { uses, work } = cells.get(event.cell);
      const { cpu, wall, open } = event.time;
      if (open > 0) into.starts.push((cpu * open) / wall);
      into.peaks.push(event.peakBytes);
      // How many steps DeepFool takes depends on the images.
      if (work === undefined || uses.startsWith('attack/deepfool')) continue;
      const amounts = { ...work.perUnit };
      for (const [name, amount] of Object.entries(work.perImage))
        amounts[name] = (amounts[name] ?? 0) + amount * event.images;
      into.units.push({ uses, amounts, cpu: cpu * (wall > 0 ? 1 - open / wall : 1), wall });
      byStage.add(uses);
    }
  }
}

const result = { source: null, backends: {} };
for (const [backend, { units, starts, peaks }] of Object.entries(backends)) {
  if (units.length === 0) continue;
  count += units.length;
  const sum = (of) => units.reduce((total, unit) => total + of(unit), 0);
  result.backends[backend] = {
    secondsPer: fit(units),
    startSeconds: digits(median(starts)),
    workerBytes: Math.min(...peaks.filter((bytes) => bytes > 0)),
    threads:
      backend === 'tensorflow' ? digits(Math.max(1, sum(({ cpu }) => cpu) / sum(({ wall }) => wall))) : 1,
  };
}
result.source = {
  machine: `${cpus()[0].model.trim()}, ${cpus().length} cores`,
  date: new Date().toISOString().slice(0, 10),
  runs: [...new Set(runs)],
  units: count,
};
console.log(JSON.stringify(result, null, 2));

/**
 * Non-negative rates by coordinate descent on least squares in which the deviation of a unit counts by the root of its estimated
 * seconds, as if its variance grew with them: so neither the thousands of small units nor a single training decide alone, and the
 * sums agree. The weights follow from the estimate, which is therefore repeated.
 */
function fit(units) {
  const names = [...new Set(units.flatMap(({ amounts }) => Object.keys(amounts)))].sort();
  let rates = names.map(() => 0);
  let estimates = units.map(({ cpu }) => cpu);
  for (let round = 0; round < 30; round++) {
    const rows = units.map(({ amounts, cpu }, unit) => {
      const weight = 1 / Math.sqrt(estimates[unit] + 0.005);
      return { target: weight * cpu, terms: names.map((name) => weight * (amounts[name] ?? 0)) };
    });
    rates = leastSquares(rows, rates);
    estimates = units.map(({ amounts }) =>
      names.reduce((sum, name, index) => sum + (amounts[name] ?? 0) * rates[index], 0),
    );
  }
  return Object.fromEntries(names.map((name, index) => [name, digits(rates[index])]));
}

function leastSquares(rows, start) {
  const rates = [...start];
  const residuals = rows.map(
    ({ target, terms }) => target - terms.reduce((sum, term, index) => sum + term * rates[index], 0),
  );
  const squares = rates.map((_, index) => rows.reduce((sum, { terms }) => sum + terms[index] ** 2, 0));
  for (let round = 0; round < 2000; round++) {
    let change = 0;
    for (let index = 0; index < rates.length; index++) {
      const slope = rows.reduce((sum, { terms }, row) => sum + terms[index] * residuals[row], 0);
      const next = Math.max(0, rates[index] + slope / squares[index]);
      const step = next - rates[index];
      if (step === 0) continue;
      change = Math.max(change, Math.abs(step) / Math.max(next, rates[index]));
      rates[index] = next;
      rows.forEach(({ terms }, row) => (residuals[row] -= step * terms[index]));
    }
    if (change < 1e-6) break;
  }
  return rates;
}

function digits(value) {
  return Number(value.toPrecision(3));
}

function median(values) {
  return values.length === 0 ? 0 : [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)];
}
