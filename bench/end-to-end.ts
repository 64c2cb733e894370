/**
 * Whole jobs from the command line, each beside the Python script that a researcher would write for it with today's
 * libraries (bench/end-to-end/): processor seconds of all processes together, seconds by the clock, and the largest
 * sum of their resident memory.
 *
 *   npm run build && PYTHON=python3 npm run bench -- end-to-end --data CIFAR --weights WEIGHTS [--imagenet IMAGENET] [--images 100] [--only figure4] [--no-peer]
 *
 * CIFAR is the folder of the binary CIFAR-10, WEIGHTS that of cifar10-resnet20.safetensors and squeezenet1_0.safetensors,
 * IMAGENET that of classes.json and val/CLASS/*.png, of which 20 are attacked and 80 others give the patches.
 *
 * `figure4` is figure 4 of Guo et al. 2018 in small: four attacks at five dissimilarities, six defenses. After the first
 * run come one with nothing changed, one with a strength more and one with a defense more. `heavy` is TVM in ten draws
 * and quilting of photographs. PYTHON needs torch, foolbox, torchattacks, scikit-image, faiss-cpu, Pillow, matplotlib
 * and safetensors; RAVELIN_HOME and `--backend` decide what ours computes on.
 */
import { spawn } from 'node:child_process';
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { printHeader } from './header.ts';

const { values } = parseArgs({
  options: {
    data: { type: 'string' },
    weights: { type: 'string' },
    imagenet: { type: 'string' },
    images: { type: 'string', default: '100' },
    backend: { type: 'string', default: 'auto' },
    only: { type: 'string' },
    'no-peer': { type: 'boolean', default: false },
  },
});
if (values.data === undefined || values.weights === undefined) {
  console.error('give --data FOLDER (binary CIFAR-10) and --weights FOLDER (safetensors)');
  process.exit(2);
}

interface Cost {
  readonly cpu: number;
  readonly wall: number;
  /** Bytes. */
  readonly memory: number;
  /** The last line that it printed. */
  readonly last: string;
}

const root = fileURLToPath(new URL('../..', import.meta.url));
const sources = join(root, 'bench', 'end-to-end');
const folder = mkdtempSync(join(tmpdir(), 'ravelin-end-to-end-'));
for (const name of readdirSync(sources)) cpSync(join(sources, name), join(folder, name));
mkdirSync(join(folder, 'results-py'));
const environment: Record<string, string> = { IMAGES: values.images, OMP_WAIT_POLICY: 'passive' };
link('DATA', 'cifar10', values.data);
link('WEIGHTS', 'weights', values.weights);
if (values.imagenet !== undefined) {
  link('IMAGENET', 'imagenet', values.imagenet);
  environment['LIBRARY'] = 'library';
  const photographs = readdirSync(join(values.imagenet, 'val')).sort().slice(20);
  mkdirSync(join(folder, 'library'));
  for (const name of photographs)
    symlinkSync(resolve(values.imagenet, 'val', name), join(folder, 'library', name));
}

/** Makes a folder outside of the project known to both sides, by a name inside. */
function link(variable: string, name: string, target: string): void {
  symlinkSync(resolve(target), join(folder, name));
  environment[variable] = name;
}

/** Runs a command and measures it with all processes that it starts. Throws if it fails. */
async function measure(command: readonly string[]): Promise<Cost> {
  // The shell adds up the processor time of all descendants that were waited for.
  const script = `TIMEFORMAT='measured %U %S %R'; time "$@"`;
  const child = spawn('bash', ['-c', script, 'bash', ...command], {
    cwd: folder,
    env: { ...process.env, ...environment },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (data: Buffer) => {
      output += data.toString();
    });
  let memory = 0;
  const sampling = setInterval(() => {
    memory = Math.max(memory, residentBytes(child.pid!));
  }, 200);
  const code = await new Promise<number | null>((done) => child.on('close', done));
  clearInterval(sampling);
  const found = /measured (\S+) (\S+) (\S+)/.exec(output);
  if (code !== 0 || found === null) throw new Error(`${command.join(' ')} failed:\n${output.slice(-3000)}`);
  const [user, system, wall] = found.slice(1).map(Number) as [number, number, number];
  const lines = output.slice(0, found.index).trim().split('\n');
  return { cpu: user + system, wall, memory, last: lines.at(-1)! };
}

/** Sum of the resident memory of a process and all below it. */
function residentBytes(top: number): number {
  const parents = new Map<number, number>();
  const resident = new Map<number, number>();
  for (const name of readdirSync('/proc')) {
    if (!/^\d+$/.test(name)) continue;
    try {
      const fields = readFileSync(`/proc/${name}/stat`, 'utf8')
        .replace(/^.*\) /, '')
        .split(' ');
      parents.set(Number(name), Number(fields[1]));
      resident.set(Number(name), Number(fields[21]) * 4096);
    } catch {
      // The process has ended.
    }
  }
  const isBelow = (pid: number | undefined): boolean =>
    pid !== undefined && (pid === top || isBelow(parents.get(pid)));
  return [...resident].reduce((sum, [pid, bytes]) => sum + (isBelow(pid) ? bytes : 0), 0);
}

function show(name: string, { cpu, wall, memory }: Cost, peer?: Cost): void {
  const ratio =
    peer === undefined ? '' : `   ${(peer.cpu / cpu).toFixed(2)} × less processor time than the script`;
  console.log(
    `${name.padEnd(34)} ${cpu.toFixed(1).padStart(7)} CPU s ${wall.toFixed(1).padStart(7)} s ${(memory / 1e9).toFixed(2)} GB${ratio}`,
  );
}

const ours = (file: string, ...options: readonly string[]): Promise<Cost> =>
  measure([
    process.execPath,
    join(root, 'dist', 'cli.js'),
    'run',
    file,
    '--ui',
    'quiet',
    '--backend',
    values.backend,
    ...options,
  ]);

async function peerOf(script: string): Promise<Cost | undefined> {
  if (values['no-peer']) return undefined;
  const cost = await measure([process.env['PYTHON'] ?? 'python3', script]);
  show(script, cost);
  console.log(`  ${cost.last}`);
  return cost;
}

printHeader();
try {
  if (values.only !== 'heavy') {
    const peer = await peerOf('figure4.py');
    const first = await ours('figure4.yaml');
    show('figure4.yaml, first run', first, peer);
    for (const [name, ...options] of [
      ['nothing changed'],
      ['a strength more', '-p', 'stronger'],
      ['a defense more', '-p', 'stronger', '-p', 'median'],
    ] as const) {
      const cost = await ours('figure4.yaml', ...options);
      show(`figure4.yaml, ${name}`, cost);
      console.log(`${''.padEnd(34)} ${((100 * cost.cpu) / first.cpu).toFixed(1)} % of the first run`);
    }
    compareAccuracies();
  }
  if (values.only !== 'figure4' && values.imagenet !== undefined) {
    const peer = await peerOf('heavy.py');
    show('heavy.yaml, first run', await ours('heavy.yaml'), peer);
  }
} finally {
  rmSync(folder, { recursive: true, force: true });
}

/** Mean and largest difference of the accuracies of both sides, which draw different random numbers. */
function compareAccuracies(): void {
  const [own, theirs] = [join(folder, 'results', 'figure4.csv'), join(folder, 'results-py', 'figure4.csv')];
  if (!existsSync(theirs)) return;
  const peer = new Map(
    readFileSync(theirs, 'utf8')
      .trim()
      .split('\n')
      .slice(1)
      .map((line) => {
        const [attack, strength, defense, accuracy] = line.split(',');
        return [`${attack},${defense},${Number(strength)}`, Number(accuracy)] as const;
      }),
  );
  const [head, ...rows] = readFileSync(own, 'utf8')
    .trim()
    .split('\n')
    .map((line) => line.split(','));
  const differences = rows.flatMap(([attack, defense, ...cells]) =>
    head!.slice(2).flatMap((strength, column) => {
      const other = peer.get(`${attack},${defense},${Number(strength)}`);
      const value = Number.parseFloat(cells[column]!);
      return other === undefined || Number.isNaN(value) ? [] : [value - other];
    }),
  );
  const mean = differences.reduce((sum, value) => sum + value, 0) / differences.length;
  const largest = differences.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
  const error = Math.sqrt(0.5 / Number(values.images));
  console.log(
    `accuracies of ${differences.length} cells: mean difference ${mean.toFixed(3)}, largest ${largest.toFixed(3)} (standard error of a difference at most ${error.toFixed(3)})`,
  );
}
