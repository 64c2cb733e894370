/** The attacks of Foolbox, torchattacks and ART on a network, by test/reference/attacks.py, and how they are printed beside ours. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export interface Cost {
  readonly seconds: number;
  /** Of all threads. */
  readonly cpuSeconds: number;
}

export interface Outcome extends Cost {
  readonly images: number;
  readonly correct: number;
  readonly l2: number;
}

export type Row = readonly [who: string, attack: string, outcome: Outcome];

/** Runs the attacks of the libraries with $PYTHON; says what is absent. */
export function peerRows({
  data,
  names,
  count,
  libraries,
  network = 'resnet20',
}: {
  readonly data: string;
  readonly names: readonly string[];
  readonly count: number;
  readonly libraries: readonly string[];
  readonly network?: string;
}): readonly Row[] {
  const rows: Row[] = [];
  const python = process.env['PYTHON'] ?? 'python3';
  const folder = mkdtempSync(join(tmpdir(), 'ravelin-attacks-'));
  const peers = spawnSync(
    python,
    [
      'test/reference/attacks.py',
      data,
      join(folder, 'peers.json'),
      '--seconds',
      ...['--images', String(count)],
      ...['--network', network],
      ...['--attacks', ...names],
      ...['--libraries', ...libraries],
    ],
    { encoding: 'utf8', env: { ...process.env, OMP_WAIT_POLICY: 'passive' } },
  );
  if (peers.status === 0) {
    const { results, absent } = JSON.parse(readFileSync(join(folder, 'peers.json'), 'utf8')) as {
      readonly results: Readonly<
        Record<string, Readonly<Record<string, Outcome>> & { readonly version: string }>
      >;
      readonly absent: readonly string[];
    };
    for (const [library, { version, ...outcomes }] of Object.entries(results)) {
      for (const [name, outcome] of Object.entries(outcomes))
        rows.push([`${library} ${version}`, name, outcome]);
    }
    for (const library of absent) console.log(`ABSENT: ${library} is not installed for ${python}`);
  } else {
    console.log(
      `ABSENT: no peers, for ${python} failed (set PYTHON):\n${peers.stderr || String(peers.error)}`,
    );
  }
  rmSync(folder, { recursive: true });
  return rows;
}

/** Prints the rows of an attack, ours first, and the fastest peer by processor time relative to it. */
export function printAttack(rows: readonly Row[], name: string): void {
  const of = rows.filter(([, attack]) => attack === name);
  const cpu = (outcome: Outcome): number => outcome.cpuSeconds / outcome.images;
  for (const [who, , outcome] of of) {
    console.log(
      `${name.padEnd(9)} ${who.padEnd(24)} ${(outcome.images / outcome.seconds).toFixed(1).padStart(7)} images/s ` +
        `${(1000 * cpu(outcome)).toFixed(2).padStart(8)} CPU ms an image   ${outcome.correct} of ${outcome.images} right, mean L2 ${outcome.l2.toFixed(4)}`,
    );
  }
  const [ours, ...others] = of.map(([, , outcome]) => cpu(outcome));
  if (others.length > 0)
    console.log(
      `${name.padEnd(9)} fastest peer / ravelin  ${(Math.min(...others) / ours!).toFixed(2)} (CPU)`,
    );
}
