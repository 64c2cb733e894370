/** npm run soak -- kills|damage [count] [seed]: long trials of crash safety; prints what was tried and what went wrong. */
import { soakDamage } from './damage.ts';
import { soakKills } from './kills.ts';

const [what = 'kills', count = '1000', seed = '1'] = process.argv.slice(2);
const say = (line: string): void => console.log(line);
if (what === 'damage') {
  const { damages, undetected, wrong } = soakDamage(Number(count), Number(seed), say);
  wrong.forEach(say);
  say(`${damages} damages, ${undetected} undetected, ${wrong.length} wrong`);
  process.exitCode = wrong.length + undetected > 0 ? 1 : 0;
} else {
  const { kills, partial, wrong } = await soakKills(Number(count), Number(seed), say);
  wrong.forEach(say);
  say(`${kills} kills, ${partial} left the work half done, ${wrong.length} wrong`);
  process.exitCode = wrong.length > 0 ? 1 : 0;
}
