/**
 * What a GPU computes, and how fast: each part in a process of its own, so that none spoils another, on `--backend` and on wasm, with PyTorch on the
 * same card beside it. Prints a table, and writes it as JSON lines to `--out FILE`. A part that fails or runs past its limit is a row that says so.
 *
 *   PYTHON=python3 npm run bench -- gpu [--backend webgpu] [--parts start,agreement,network,training,kernels,attacks,traffic] [--data FOLDER] [--small]
 *
 * Parts (bench/gpu/): `start` opens the backend in two processes, one after the other, the second of which finds the driver's caches; `agreement`
 * compares with wasm, the size of every difference included; `network` times logits and input gradients, each read at once and ten in a row;
 * `training` steps; `kernels` total variation and patch search, also on the other backend that has a GPU; `attacks` the attacks as the engine runs them, twice (the bytes must be the same);
 * `traffic` what goes to the device and back. FOLDER is as in bench/attacks.ts (CIFAR-10 and ResNet-20); without it images and weights are random.
 * PYTHON needs torch with CUDA; without it only our side is measured. `--sides backend,torch` leaves wasm out, `--limit` is of seconds a process, `--label TEXT` names
 * the backend's side in the table, and `--small` is for GPUs emulated in software.
 */
import { spawn } from 'node:child_process';
import { appendFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { probeBackends } from '../src/tensors/backend.ts';
import { measureAgreement } from './gpu/agreement.ts';
import { measureAttacks } from './gpu/attacks.ts';
import { measureKernels } from './gpu/kernels.ts';
import { measureNetworks } from './gpu/networks.ts';
import type { Given, Part, Row } from './gpu/row.ts';
import { measureStart } from './gpu/start.ts';
import { measureTraffic } from './gpu/traffic.ts';
import { measureTraining } from './gpu/training.ts';

interface Kind {
  readonly measure: Part;
  /** Whether it is measured on wasm too, and by PyTorch. */
  readonly wasm: boolean;
  readonly torch: boolean;
  /** Whether it is measured on the other backend that has a GPU here, too. */
  readonly otherGpu?: boolean;
  /** How many times, each in a new process. */
  readonly times?: number;
}

const parts: Readonly<Record<string, Kind>> = {
  start: { measure: measureStart, wasm: false, torch: false, times: 2 },
  agreement: { measure: measureAgreement, wasm: false, torch: false },
  network: { measure: measureNetworks, wasm: true, torch: true },
  training: { measure: measureTraining, wasm: true, torch: true },
  kernels: { measure: measureKernels, wasm: false, torch: true, otherGpu: true },
  attacks: { measure: measureAttacks, wasm: true, torch: false },
  traffic: { measure: measureTraffic, wasm: false, torch: false },
};

const { values } = parseArgs({
  options: {
    backend: { type: 'string', default: 'webgpu' },
    parts: { type: 'string', default: Object.keys(parts).join(',') },
    data: { type: 'string' },
    small: { type: 'boolean', default: false },
    out: { type: 'string' },
    limit: { type: 'string', default: '300' },
    sides: { type: 'string', default: 'backend,wasm,torch' },
    label: { type: 'string' },
    only: { type: 'string' },
  },
});
const given: Given = { backend: values.backend, data: values.data ?? null, small: values.small };

if (values.only !== undefined) {
  await parts[values.only]!.measure(given, (row) => console.log(`ROW ${JSON.stringify(row)}`));
  process.exit(0);
}
const sides = values.sides.split(',');
for (const name of values.parts.split(',')) {
  const part = parts[name];
  if (part === undefined) throw new Error(`no part ${name}; there are ${Object.keys(parts).join(', ')}`);
  const python = process.env['PYTHON'];
  for (let time = 0; sides.includes('backend') && time < (part.times ?? 1); time++)
    await runPart(name, values.backend);
  if (part.otherGpu === true && sides.includes('backend'))
    for (const { name: other, device } of probeBackends())
      if (other !== values.backend && device?.kind === 'gpu') await runPart(name, other);
  if (part.wasm && sides.includes('wasm')) await runPart(name, 'wasm');
  if (part.torch && sides.includes('torch') && python !== undefined) {
    const script = fileURLToPath(new URL('../../bench/gpu.py', import.meta.url));
    await run(name, 'torch', python, [script, name, ...(given.small ? ['--small'] : [])]);
  }
}

function runPart(name: string, backend: string): Promise<void> {
  const self = fileURLToPath(import.meta.url);
  const data = given.data === null ? [] : ['--data', given.data];
  return run(name, backend, process.execPath, [
    self,
    ...['--only', name, '--backend', backend, ...data],
    ...(given.small ? ['--small'] : []),
  ]);
}

/** Runs a process that prints rows, and prints them as lines of a table. */
function run(part: string, side: string, command: string, parameters: readonly string[]): Promise<void> {
  return new Promise((resolve) => {
    const started = performance.now();
    const child = spawn(command, parameters, {
      stdio: ['ignore', 'pipe', 'pipe'],
      timeout: Number(values.limit) * 1000,
      killSignal: 'SIGKILL',
    });
    const errors: string[] = [];
    createInterface({ input: child.stderr }).on('line', (line) => errors.push(line));
    createInterface({ input: child.stdout }).on('line', (line) => {
      if (line.startsWith('ROW ')) show(part, side, JSON.parse(line.slice(4)) as Row);
      else console.error(line);
    });
    child.on('error', (error) => errors.push(error.message));
    child.on('close', (code, signal) => {
      const seconds = (performance.now() - started) / 1000;
      if (code !== 0) {
        const why = `ended with ${String(signal ?? code)}: ${errors.slice(-6).join(' | ')}`;
        show(part, side, { what: 'FAILED', value: seconds, unit: 's', note: why });
      } else show(part, side, { what: 'whole process', value: seconds, unit: 's' });
      resolve();
    });
  });
}

function show(part: string, which: string, row: Row): void {
  const side = which === values.backend ? (values.label ?? which) : which;
  const number =
    Math.abs(row.value) >= 1e5 || (row.value !== 0 && Math.abs(row.value) < 1e-2)
      ? row.value.toExponential(2)
      : row.value.toFixed(row.value >= 100 ? 0 : 2);
  console.log(
    `${part.padEnd(9)} ${side.padEnd(7)} ${row.what.padEnd(44)} ${number.padStart(9)} ${row.unit}${row.note === undefined ? '' : `   ${row.note}`}`,
  );
  if (values.out !== undefined) appendFileSync(values.out, `${JSON.stringify({ part, side, ...row })}\n`);
}
