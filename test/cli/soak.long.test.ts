/** The short forms of `npm run soak`. */
import { execaSync } from 'execa';
import { expect, it } from 'vitest';
import { soakCells } from '../soak/cells.ts';
import { soakDamage } from '../soak/damage.ts';
import { soakKills } from '../soak/kills.ts';
import { soakMemories } from '../soak/memories.ts';

const quiet = (): void => undefined;

it('starts as a command, from one bundled file', () => {
  const { stdout } = execaSync('node', ['scripts/bench.mjs', '../test/soak/main', 'fuzz', '5', '1', 'onnx']);
  expect(stdout).toMatch(/^5 inputs, 0 findings$/m);
});

it('a plain rerun after a kill leaves what an undisturbed run leaves', async () => {
  expect(await soakKills(10, 1, quiet)).toMatchObject({ kills: 10, wrong: [] });
});

it('damage to the cache is found and repaired', () => {
  expect(soakDamage(24, 1, quiet)).toMatchObject({ undetected: 0, crashes: [], wrong: [] });
});

it('damage to what the cache only remembers fails no command', () => {
  expect(soakMemories(30, 1, quiet)).toMatchObject({ wrong: [] });
});

it('memory and open files do not grow with the number of cells done', async () => {
  const { code, cells, growth } = await soakCells(600, quiet);
  expect(code).toBe(0);
  expect(cells).toBe(600);
  for (const { memory, openFiles } of [growth.driver, growth.worker]) {
    expect(memory).toBeLessThan(25e6);
    expect(openFiles).toBeLessThanOrEqual(8);
  }
});
