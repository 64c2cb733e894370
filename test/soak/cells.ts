/**
 * One run of very many trivial cells: the memory and the open files of the driver and of its workers must not grow with what is done.
 * Compared are the highest values while the second tenth of the cells was done with those while the last tenth was, and for the driver
 * also with what comes after the last cell (garbage collection, once a day).
 *
 *   npm run soak -- cells [count = 10000]
 */
import { spawn } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { createInterface } from 'node:readline';

interface Load {
  /** Resident bytes of the process. */
  memory: number;
  openFiles: number;
}

export interface CellsReport {
  readonly cells: number;
  readonly seconds: number;
  readonly code: number | null;
  /** From the second to the last tenth of the cells. */
  readonly growth: Readonly<Record<Role, Readonly<Load>>>;
  /** Of the driver, from the second tenth to after the last cell. */
  readonly growthToEnd: Readonly<Load>;
  /** Seconds of the same run with nothing left to do. */
  readonly again: number;
}

/** `worker`: the largest of them. */
type Role = 'driver' | 'worker';

export async function soakCells(count: number, say: (line: string) => void): Promise<CellsReport> {
  const folder = mkdtempSync(join(tmpdir(), 'ravelin-cells-'));
  try {
    writeFileSync(join(folder, 'package.json'), '{}');
    writeFileSync(join(folder, 'p.yaml'), pipelineOf(count));
    const tenths = Array.from({ length: 11 }, () => ({ driver: none(), worker: none() }));
    const first = await run(folder, Math.ceil(count / 100), (driver, done) => {
      const tenth = tenths[Math.floor((done / count) * 10)]!;
      raise(tenth.driver, loadOf(driver));
      for (const worker of childrenOf(driver)) raise(tenth.worker, loadOf(worker));
    });
    tenths.forEach(({ driver, worker }, index) => {
      say(`${index * 10} %: driver ${describe(driver)}, largest worker ${describe(worker)}`);
    });
    for (const index of [1, 9]) {
      const { driver, worker } = tenths[index]!;
      if (driver.memory === 0 || worker.memory === 0)
        throw new Error(`nothing was measured after ${index * 10} %`);
    }
    const again = await run(folder, count, () => undefined);
    return {
      cells: first.committed,
      seconds: first.seconds,
      code: first.code === 0 ? again.code : first.code,
      growth: {
        driver: difference(tenths[9]!.driver, tenths[1]!.driver),
        worker: difference(tenths[9]!.worker, tenths[1]!.worker),
      },
      growthToEnd: difference(tenths[10]!.driver, tenths[1]!.driver),
      again: again.seconds,
    };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function pipelineOf(count: number): string {
  return `ravelin: 1
name: many-cells
stages:
  value:
    uses: debug/constant
    matrix: { cell: [${Array.from({ length: count }, (_, index) => index).join(', ')}] }
    with: { value: $(axes.cell) }
`;
}

/**
 * Runs the pipeline; `look` is called with the driver's pid and the number of shards that are committed, whenever `every` more are, so that no
 * tenth goes by unseen, and ten times a second, for what comes after the last.
 */
async function run(
  folder: string,
  every: number,
  look: (driver: number, done: number) => void,
): Promise<{ readonly seconds: number; readonly code: number | null; readonly committed: number }> {
  const start = performance.now();
  const child = spawn(
    process.execPath,
    [resolve('dist/cli.js'), 'run', 'p.yaml', '--ui', 'json', '-j', '2'],
    {
      cwd: folder,
      env: { ...process.env, RAVELIN_HOME: join(folder, 'home'), RAVELIN_CACHE: '', NO_COLOR: '1' },
      stdio: ['ignore', 'pipe', 'inherit'],
    },
  );
  let committed = 0;
  createInterface({ input: child.stdout }).on('line', (line) => {
    if (line.includes('"type":"shard-committed"') && ++committed % every === 0) look(child.pid!, committed);
  });
  const timer = setInterval(() => look(child.pid!, committed), 100);
  const code = await new Promise<number | null>((done) => child.once('close', done));
  clearInterval(timer);
  return { seconds: (performance.now() - start) / 1000, code, committed };
}

function none(): Load {
  return { memory: 0, openFiles: 0 };
}

function raise(highest: Load, { memory, openFiles }: Load): void {
  highest.memory = Math.max(highest.memory, memory);
  highest.openFiles = Math.max(highest.openFiles, openFiles);
}

function difference(a: Load, b: Load): Load {
  return { memory: a.memory - b.memory, openFiles: a.openFiles - b.openFiles };
}

function describe({ memory, openFiles }: Load): string {
  return `${(memory / 1e6).toFixed(0)} MB and ${openFiles} open files`;
}

/** Nothing for a process that has ended. */
function loadOf(pid: number): Load {
  try {
    const resident = /VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0;
    return { memory: Number(resident) * 1024, openFiles: readdirSync(`/proc/${pid}/fd`).length };
  } catch {
    return none();
  }
}

function childrenOf(pid: number): number[] {
  try {
    const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim();
    return children === '' ? [] : children.split(' ').map(Number);
  } catch {
    return [];
  }
}
