/**
 * Damages the cache on purpose: flips a bit, cuts off an end, deletes or empties a file, among objects and commit records.
 * `cache verify` must find every one, and a plain rerun must leave what an undisturbed run leaves, byte for byte.
 *
 *   npm run soak -- damage [count = 1000] [seed]
 */
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { basename } from 'node:path';
import { parseRecord } from '../../src/runtime/store/record.ts';
import { randomStream } from '../../src/tensors/random.ts';
import type { RandomStream } from '../../src/tensors/random.ts';
import { countDamaged, createSoakProject, storedFiles } from './project.ts';

export interface DamageReport {
  readonly damages: number;
  /** Damages that `cache verify` did not name, each by itself. */
  readonly undetected: number;
  readonly wrong: readonly string[];
}

export function soakDamage(count: number, seed: number, say: (line: string) => void): DamageReport {
  const project = createSoakProject();
  if (project.run() !== 0) throw new Error('the undisturbed run failed');
  const expected = JSON.stringify(project.results());
  const random = randomStream([seed, 8]);
  const wrong: string[] = [];
  let damages = 0;
  let undetected = 0;
  for (let round = 0; damages < count; round++) {
    const files = [...storedFiles(project.cache, 'objects/sha256'), ...storedFiles(project.cache, 'actions')];
    const chosen = [...random.permutation(files.length).slice(0, 1 + random.integer(6))].map(
      (at) => files[at]!,
    );
    const needers = recordsByObject(files.filter((path) => !chosen.includes(path)));
    const done = chosen.map((path) => damage(path, random));
    damages += chosen.length;
    // Every other time the rerun has to find the damage by itself; what it did not need to read, verify must find after it.
    if (round % 2 === 0) {
      const { damagedObjects, damagedRecords, incomplete } = project.verify();
      chosen.forEach((path, index) => {
        const name = basename(path, '.json');
        const isRecord = path.includes('/actions/');
        // A commit record that is gone is a result that was never made, and an object that no record names is of no result: there is
        // nothing to detect, only to compute.
        const isNamed = existsSync(path)
          ? (isRecord ? damagedRecords : damagedObjects).includes(name)
          : isRecord || (needers.get(name) ?? []).every((key) => incomplete.includes(key));
        if (isNamed) return;
        undetected++;
        say(`undetected: ${done[index]!}`);
      });
    }
    if (project.run() !== 0) wrong.push(`the rerun failed after ${done.join(', ')}`);
    project.verify();
    if (project.run() !== 0) wrong.push(`the second rerun failed after ${done.join(', ')}`);
    const damaged = countDamaged(project.verify());
    if (damaged > 0) wrong.push(`${damaged} damaged entries stayed after ${done.join(', ')}`);
    if (JSON.stringify(project.results()) !== expected) wrong.push(`other results after ${done.join(', ')}`);
    rmSync(`${project.cache}/quarantine`, { recursive: true, force: true });
    if (round % 20 === 19) say(`${damages} damages, ${wrong.length} wrong`);
  }
  project.remove();
  return { damages, undetected, wrong };
}

/** Keys of the undamaged records among `files` by the objects that they name. */
function recordsByObject(files: readonly string[]): ReadonlyMap<string, readonly string[]> {
  const keys = new Map<string, string[]>();
  for (const path of files.filter((name) => name.includes('/actions/'))) {
    const key = basename(path, '.json');
    const record = parseRecord(readFileSync(path, 'utf8'), key);
    for (const part of Object.values(record?.outputs ?? {}).flat()) {
      for (const { digest } of [part, ...(part.needs ?? [])])
        keys.set(digest, [...(keys.get(digest) ?? []), key]);
    }
  }
  return keys;
}

function damage(path: string, random: RandomStream): string {
  const name = path.split('/').slice(-3).join('/');
  const bytes = readFileSync(path);
  switch (random.integer(4)) {
    case 0:
      bytes[random.integer(bytes.length)]! ^= 1 << random.integer(8);
      writeFileSync(path, bytes);
      return `a flipped bit in ${name}`;
    case 1:
      writeFileSync(path, bytes.subarray(0, random.integer(bytes.length)));
      return `a cut end of ${name}`;
    case 2:
      writeFileSync(path, Buffer.concat([bytes, Buffer.from([random.integer(256)])]));
      return `a byte more in ${name}`;
    default:
      rmSync(path);
      return `no ${name}`;
  }
}
