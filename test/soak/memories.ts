/**
 * Damages what the cache only remembers: ledgers, resolved pipelines, the keys and backends of the last run, digests of
 * files, what was published. No command may fail because of it, and a plain rerun must leave what an undisturbed run leaves.
 *
 *   npm run soak -- memories [count = 1000] [seed]
 */
import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { randomStream } from '../../src/tensors/random.ts';
import type { RandomStream } from '../../src/tensors/random.ts';
import { commandLine, createSoakProject, soakEnvironment } from './project.ts';

export interface MemoriesReport {
  readonly damages: number;
  readonly wrong: readonly string[];
}

const commands: readonly (readonly string[])[] = [
  ['runs'],
  ['runs', 'show', '--json'],
  ['runs', 'show', '--time'],
  ['metrics'],
  ['status', 'p.yaml'],
  ['plan', 'p.yaml'],
  ['why', 'p.yaml', 'scores'],
  ['watch', '--ui', 'json'],
  ['cancel'],
  ['cache', 'gc', '-n'],
];

export function soakMemories(count: number, seed: number, say: (line: string) => void): MemoriesReport {
  const project = createSoakProject();
  if (project.run() !== 0) throw new Error('the undisturbed run failed');
  const expected = JSON.stringify(project.results());
  const random = randomStream([seed, 9]);
  const wrong: string[] = [];
  let damages = 0;
  for (let round = 0; damages < count; round++) {
    const files = memories(project.cache);
    const chosen = [...random.permutation(files.length).slice(0, 1 + random.integer(4))].map(
      (at) => files[at]!,
    );
    const done = chosen.map((path) => damage(path, random)).join(', ');
    damages += chosen.length;
    const command = commands[round % commands.length]!;
    const { status, stdout, stderr } = spawnSync(process.execPath, [commandLine, ...command], {
      cwd: project.folder,
      env: soakEnvironment(project.folder),
      encoding: 'utf8',
    });
    if (status !== 0 || /^\s+at .*:\d+:\d+/m.test(stdout + stderr))
      wrong.push(`${command.join(' ')} ended with ${status} after ${done}: ${stderr.slice(0, 500)}`);
    if (project.run() !== 0) wrong.push(`the rerun failed after ${done}`);
    if (JSON.stringify(project.results()) !== expected) wrong.push(`other results after ${done}`);
    if (round % 20 === 19) say(`${damages} damages, ${wrong.length} wrong`);
    // Each run adds a ledger; a few are enough.
    for (const run of readdirSync(join(project.cache, 'runs')).sort().slice(0, -4))
      rmSync(join(project.cache, 'runs', run), { recursive: true });
  }
  project.remove();
  return { damages, wrong };
}

/** Paths of all files of the cache that are not results. */
function memories(cache: string): string[] {
  return readdirSync(cache, { recursive: true, encoding: 'utf8' })
    .filter((name) => !/^(objects|actions|checkpoints|quarantine|claims)(\/|$)/.test(name))
    .map((name) => join(cache, name))
    .filter((path) => statSync(path).isFile())
    .sort();
}

const others = [
  '',
  'null',
  '[]',
  '{}',
  '7',
  '{"format":1}',
  '{"format":1,"files":{"a":null}}',
  '\n',
  '\0'.repeat(64),
];

function damage(path: string, random: RandomStream): string {
  const name = path.split('/').slice(-3).join('/');
  const bytes = readFileSync(path);
  switch (random.integer(6)) {
    case 0:
      if (bytes.length > 0) bytes[random.integer(bytes.length)]! ^= 1 << random.integer(8);
      writeFileSync(path, bytes);
      return `a flipped bit in ${name}`;
    case 1:
      writeFileSync(path, bytes.subarray(0, random.integer(bytes.length + 1)));
      return `a cut end of ${name}`;
    case 2:
      writeFileSync(path, bytes.subarray(random.integer(bytes.length + 1)));
      return `a cut beginning of ${name}`;
    case 3: {
      const text = others[random.integer(others.length)]!;
      writeFileSync(path, Buffer.concat([bytes, Buffer.from(`${text}\n`)]));
      return `${JSON.stringify(text)} at the end of ${name}`;
    }
    case 4: {
      const text = others[random.integer(others.length)]!;
      writeFileSync(path, text);
      return `${JSON.stringify(text)} in place of ${name}`;
    }
    default:
      rmSync(path);
      return `no ${name}`;
  }
}
