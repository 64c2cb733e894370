/**
 * Feeds damaged and made-up files to every reader of files (test/fuzz/). A finding is written to test/fuzz/corpus, where it stays as a
 * regression input; those kept so far, and the files made by hand to exhaust a reader, are judged first. A watchdog on a thread of its own ends the process over an input that does not come back, and says which it is.
 *
 *   npm run soak -- fuzz [count = 1000000] [seed] [target]
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { Worker } from 'node:worker_threads';
import { hostileFiles } from '../fuzz/hostile.ts';
import { fuzz, keptInputs, problemOf } from '../fuzz/target.ts';
import { targets } from '../fuzz/targets.ts';

const hangMs = 20_000;

export async function soakFuzz(
  count: number,
  seed: number,
  only: string | undefined,
  say: (line: string) => void,
): Promise<{ readonly inputs: number; readonly findings: number }> {
  const current = new BigInt64Array(new SharedArrayBuffer(8));
  const watchdog = new Worker(watchdogCode, { eval: true, workerData: { current, hangMs } });
  let inputs = 0;
  let findings = 0;
  for (const { open, share } of targets) {
    const target = await open();
    if (only !== undefined && target.name !== only) continue;
    for (const { name, make } of knownInputs(target.name)) {
      const problem = await problemOf(target, make());
      if (problem !== null) say(`${target.name}, ${name}: ${problem}`);
      if (problem !== null) findings++;
      inputs++;
    }
    const own = Math.ceil(count * (only === undefined ? share : 1));
    const found = await fuzz(target, { seed, count: own, onInput: (index) => (current[0] = BigInt(index)) });
    target.close?.();
    for (const { input, problem, bytes } of found) {
      const folder = `test/fuzz/corpus/${target.name}`;
      mkdirSync(folder, { recursive: true });
      writeFileSync(`${folder}/seed-${seed}-input-${input}`, bytes);
      say(`${target.name}, input ${input}: ${problem}`);
    }
    inputs += own;
    findings += found.length;
    say(`${target.name}: ${own} inputs, ${found.length} findings`);
  }
  await watchdog.terminate();
  return { inputs, findings };
}

function knownInputs(target: string): readonly { readonly name: string; readonly make: () => Uint8Array }[] {
  return [
    ...keptInputs(target).map(({ name, bytes }) => ({ name, make: () => bytes })),
    ...Object.entries(hostileFiles[target] ?? {}).map(([name, make]) => ({ name, make })),
  ];
}

const watchdogCode = `
const { workerData: { current, hangMs } } = require('node:worker_threads');
let last = current[0];
setInterval(() => {
  if (current[0] === last) {
    process._rawDebug('input ' + last + ' has run for ' + hangMs + ' ms: a hang');
    process.kill(process.pid, 'SIGKILL');
  }
  last = current[0];
}, hangMs);
`;
