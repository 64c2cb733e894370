/** npm run soak -- kills|damage|memories|cells|fuzz [count] [seed], or versions COMMIT [rounds]: long trials of crash safety and of readers; prints what was tried and what went wrong. */
import { soakCells } from './cells.ts';
import { soakDamage } from './damage.ts';
import { soakFuzz } from './fuzz.ts';
import { soakMemories } from './memories.ts';
import { soakKills } from './kills.ts';
import { soakVersions } from './versions.ts';

const [what = 'kills', given, seed = '1', only] = process.argv.slice(2);
const count = Number(given ?? { fuzz: 1_000_000, cells: 10_000 }[what] ?? 1000);
const say = (line: string): void => console.log(line);
if (what === 'fuzz') {
  const { inputs, findings } = await soakFuzz(count, Number(seed), only, say);
  say(`${inputs} inputs, ${findings} findings`);
  process.exitCode = findings > 0 ? 1 : 0;
} else if (what === 'damage') {
  const { damages, kinds, undetected, crashes, wrong } = soakDamage(count, Number(seed), say);
  [...wrong, ...crashes].forEach(say);
  const shares = Object.entries(kinds).map(([kind, number]) => `${number} ${kind}`);
  say(
    `${damages} damages (${shares.join(', ')}), ${undetected} undetected, ${wrong.length} wrong, ${crashes.length} crashes`,
  );
  process.exitCode = wrong.length + undetected + crashes.length > 0 ? 1 : 0;
} else if (what === 'versions') {
  if (given === undefined)
    throw new Error('name the commit of the other version: npm run soak -- versions HEAD~1');
  const rounds = Number(process.argv[4] ?? 3);
  const { commit, commands, compared, wrong } = soakVersions(given, rounds, say);
  wrong.forEach(say);
  say(`${commands} commands beside ${commit}, ${compared} files compared, ${wrong.length} wrong`);
  process.exitCode = wrong.length > 0 ? 1 : 0;
} else if (what === 'memories') {
  const { damages, wrong } = soakMemories(count, Number(seed), say);
  wrong.forEach(say);
  say(`${damages} damages, ${wrong.length} wrong`);
  process.exitCode = wrong.length > 0 ? 1 : 0;
} else if (what === 'cells') {
  const { cells, seconds, again, growth, growthToEnd, code } = await soakCells(count, say);
  const { driver, worker } = growth;
  say(
    `${cells} cells in ${seconds.toFixed(0)} s, again in ${again.toFixed(2)} s; memory grew by ${megabytes(driver.memory)} (driver; ${megabytes(growthToEnd.memory)} with what comes after the last cell) and ${megabytes(worker.memory)} (a worker), open files by ${driver.openFiles} and ${worker.openFiles}`,
  );
  const isBounded = [driver, worker, growthToEnd].every(
    ({ memory, openFiles }) => memory <= 50e6 && openFiles <= 8,
  );
  process.exitCode = code === 0 && isBounded ? 0 : 1;
} else {
  const { kills, partial, wrong } = await soakKills(count, Number(seed), say);
  wrong.forEach(say);
  say(`${kills} kills, ${partial} left the work half done, ${wrong.length} wrong`);
  process.exitCode = wrong.length > 0 ? 1 : 0;
}

function megabytes(bytes: number): string {
  return `${(bytes / 1e6).toFixed(0)} MB`;
}
