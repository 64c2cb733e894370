/**
 * Kills runs on purpose and counts wrong results: every named point of every process in turn until a run survives it, then
 * the whole process group, the driver alone or a worker alone after a random event. After each kill (or up to four in a row on
 * one cache) a plain rerun must leave what an undisturbed run leaves, byte for byte, and a cache without damage.
 *
 *   npm run soak -- kills [count = 1000] [seed]
 */
import { readFileSync, readdirSync } from 'node:fs';
import { randomStream } from '../../src/tensors/random.ts';
import { countDamaged, createSoakProject } from './project.ts';
import type { SoakProject } from './project.ts';

const points = ['write', 'fsync', 'rename', 'renamed', 'event'] as const;

export interface SoakReport {
  readonly kills: number;
  readonly wrong: readonly string[];
  /** Kills that left some shards committed and some not: the others prove little. */
  readonly partial: number;
}

export async function soakKills(
  count: number,
  seed: number,
  say: (line: string) => void,
): Promise<SoakReport> {
  const undisturbed = createSoakProject();
  const whole = undisturbed.start();
  if ((await whole.ended) !== 0) throw new Error('the undisturbed run failed');
  const events = whole.events();
  const expected = undisturbed.results();
  undisturbed.remove();
  const wrong: string[] = [];
  let kills = 0;
  let partial = 0;

  const check = (project: SoakProject, what: string): void => {
    const before = committed(project);
    if (before > 0 && before < Object.keys(expected).length - 1) partial++;
    const code = project.run();
    const damaged = countDamaged(project.verify());
    if (code !== 0) wrong.push(`${what}: the rerun ended with exit code ${String(code)}`);
    else if (damaged > 0) wrong.push(`${what}: ${damaged} damaged entries after the rerun`);
    else if (JSON.stringify(project.results()) !== JSON.stringify(expected))
      wrong.push(`${what}: other results`);
    project.remove();
  };

  for (const role of ['driver', 'worker']) {
    for (const point of points) {
      for (let at = 1; kills < count / 2; at++) {
        const project = createSoakProject();
        const fault = `${role}/${point}:${at}`;
        const code = project.run({ RAVELIN_FAULT: fault });
        // A driver that comes to its end never reached the point; a worker that is killed may be replaced and go on.
        const wasHit = role === 'driver' ? code === null : code !== 0 || mentionsKill(project);
        if (!wasHit) {
          project.remove();
          break;
        }
        kills++;
        check(project, fault);
      }
      say(`${kills} kills, ${wrong.length} wrong (after ${role}/${point})`);
    }
  }
  const random = randomStream([seed, 7]);
  while (kills < count) {
    const project = createSoakProject();
    const rounds = 1 + random.integer(4);
    const whats: string[] = [];
    for (let round = 0; round < rounds && kills < count; round++) {
      const whom = (['group', 'driver', 'worker'] as const)[random.integer(3)]!;
      const moment = 1 + random.integer(events);
      const { pid, ended, reached } = project.start();
      await Promise.race([ended, reached(moment)]);
      const victim = whom === 'worker' ? childOf(pid) : pid;
      // A run that ends before its moment, or between it and the kill, is none that was killed.
      if (victim !== null && kill(whom === 'group' ? -pid : victim)) {
        kills++;
        whats.push(`${whom} after event ${moment}`);
      }
      await ended;
    }
    check(project, whats.join(', then '));
    if (kills % 50 < rounds) say(`${kills} kills, ${wrong.length} wrong`);
  }
  return { kills, wrong, partial };
}

function committed(project: SoakProject): number {
  try {
    return readdirSync(`${project.cache}/actions`, { recursive: true }).filter((name) =>
      String(name).endsWith('.json'),
    ).length;
  } catch {
    return 0;
  }
}

/** Whether a run's ledger says that a worker was killed. */
function mentionsKill(project: SoakProject): boolean {
  return readdirSync(`${project.cache}/runs`).some((run) =>
    readFileSync(`${project.cache}/runs/${run}/events.jsonl`, 'utf8').includes('was killed'),
  );
}

/** Returns false if it ended by itself meanwhile. */
function kill(pid: number): boolean {
  try {
    return process.kill(pid, 'SIGKILL');
  } catch {
    return false;
  }
}

function childOf(pid: number): number | null {
  try {
    const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim();
    return children === '' ? null : Number(children.split(' ')[0]);
  } catch {
    return null;
  }
}
