/** npm run soak -- kills|damage|fuzz [count] [seed]: long trials of crash safety and of readers; prints what was tried and what went wrong. */
import { soakDamage } from './damage.ts';
import { soakFuzz } from './fuzz.ts';
import { soakKills } from './kills.ts';

const [what = 'kills', given, seed = '1', only] = process.argv.slice(2);
const count = Number(given ?? (what === 'fuzz' ? 1_000_000 : 1000));
const say = (line: string): void => console.log(line);
if (what === 'fuzz') {
  const { inputs, findings } = await soakFuzz(count, Number(seed), only, say);
  say(`${inputs} inputs, ${findings} findings`);
  process.exitCode = findings > 0 ? 1 : 0;
} else if (what === 'damage') {
  const { damages, undetected, wrong } = soakDamage(count, Number(seed), say);
  wrong.forEach(say);
  say(`${damages} damages, ${undetected} undetected, ${wrong.length} wrong`);
  process.exitCode = wrong.length + undetected > 0 ? 1 : 0;
} else {
  const { kills, partial, wrong } = await soakKills(count, Number(seed), say);
  wrong.forEach(say);
  say(`${kills} kills, ${partial} left the work half done, ${wrong.length} wrong`);
  process.exitCode = wrong.length > 0 ? 1 : 0;
}
