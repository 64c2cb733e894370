import { beforeAll, describe, expect, it } from 'vitest';
import { picturesOfCache } from '../../src/cli/cell-pictures.ts';
import { scaledPicture } from '../../src/dashboard/full/scaled-picture.ts';
import { listRuns, readLedger } from '../../src/runtime/run/read-ledger.ts';
import { openStore } from '../../src/runtime/store/store.ts';
import { readKitty, readSixels, type DrawnPicture } from '../terminal/graphics.ts';
import { hasTerminals, openTerminal, type Terminal } from '../terminal/terminal.ts';
import { commandLine, createProject } from './ravelin.ts';

const project = createProject({
  'p.yaml': `ravelin: 1
name: pictures
stages:
  images: { uses: dataset/mnist, with: { split: test, limit: 2 } }
  network: { uses: model/cnn, with: { height: 28, width: 28, channels: 1, filters: [2], dense: [] } }
  adversarial: { uses: attack/fgsm, with: { epsilon: 0.2 }, in: { model: network, images: images } }
`,
});

/** A terminal of which only the test knows what it can: it answers nothing by itself. */
function open(env: Record<string, string> = {}): Terminal {
  return openTerminal(`'${process.execPath}' '${commandLine()}' browse`, {
    cwd: project.folder,
    rows: 40,
    columns: 140,
    env: {
      TERM: 'xterm-256color',
      NO_COLOR: '',
      RAVELIN_CACHE: '',
      RAVELIN_HOME: project.path('home'),
      TMUX: '',
      STY: '',
      ...env,
    },
  });
}

const isAsked = (written: string): boolean =>
  /\u001B_Gi=31,[^\u001B]*\u001B\\\u001B\[16t\u001B\[14t\u001B\[c/.test(written);
/** Whether so many pictures have been drawn in all, and so many of them deleted. */
const hasDrawn =
  (drawn: number, deleted = 0) =>
  (written: string): boolean => {
    const found = readKitty(written);
    return found.drawn.size === drawn && found.deleted.length === deleted;
  };

/** Goes to the images of the attack, zoomed, with the first image. */
async function showImages(terminal: Terminal): Promise<void> {
  await terminal.shows(/\? keys/);
  terminal.type(':goto adversarial\r');
  terminal.type('3z');
  terminal.type('s');
  await terminal.shows(/1\/2, up and down turn/);
}

/** The pixels of an image before and after the attack, in this size. */
function expected(index: number, width: number, height: number): readonly Uint8Array[] {
  const cache = project.path('.ravelin');
  const cells = [...readLedger(cache, listRuns(cache)[0]!.run, ['cell-finished'])];
  const found = picturesOfCache(openStore(cache))(cells.find(({ cell }) => cell === 'adversarial')!.keys[0]!);
  if (typeof found === 'string') throw new Error(found);
  const { before, after } = found.at(index);
  return [before!, after].map((picture) => scaledPicture(picture, width, height));
}

function expectPixels(drawn: readonly DrawnPicture[], index: number, tolerance: number): void {
  expect(drawn).toHaveLength(3);
  const { width, height } = drawn[0]!;
  // 140 columns of 10 pixels, and 33 rows of 20 at the least, are room for more than 14 pixels for each.
  expect([width, height]).toEqual([448, 448]);
  expected(index, width, height).forEach((rgb, at) => {
    const most = rgb.reduce(
      (worst, value, byte) => Math.max(worst, Math.abs(value - drawn[at]!.rgb[byte]!)),
      0,
    );
    expect(most).toBeLessThanOrEqual(tolerance);
  });
}

describe.skipIf(!hasTerminals)('the images of a cell', () => {
  beforeAll(async () => {
    expect((await project.run('run', 'p.yaml', '--ui', 'quiet')).code).toBe(0);
  });

  it('are drawn in pixels by a terminal that knows the graphics of kitty, and taken away', async () => {
    const terminal = open();
    await showImages(terminal);
    await terminal.writes(isAsked);
    expect(readKitty(terminal.written()).drawn.size).toBe(0);
    terminal.type('\u001B_Gi=31;OK\u001B\\\u001B[6;20;10t\u001B[4;800;1400t\u001B[?62;4c');
    await terminal.writes(hasDrawn(3));
    const first = readKitty(terminal.written()).drawn;
    expectPixels([...first.values()], 0, 0);
    expect(terminal.lines().join('\n')).not.toContain('▀');
    terminal.type('j');
    await terminal.shows(/2\/2, up and down turn/);
    await terminal.writes(hasDrawn(6, 3));
    const second = readKitty(terminal.written());
    expect(second.deleted).toEqual([...first.keys()]);
    expectPixels([...second.drawn.values()].slice(3), 1, 0);
    terminal.type('w');
    await terminal.writes(hasDrawn(6, 6));
    terminal.type('s');
    await terminal.writes(hasDrawn(9, 6));
    terminal.type('q');
    expect(await terminal.ended).toBe(0);
    const { drawn, deleted } = readKitty(terminal.written());
    expect([...deleted].sort()).toEqual([...drawn.keys()].sort());
    // They are gone before the screen is.
    expect(terminal.written().lastIndexOf('a=d')).toBeLessThan(
      terminal.written().lastIndexOf('\u001B[?1049l'),
    );
  });

  it('are drawn as sixels by a terminal that has those', async () => {
    const terminal = open();
    await showImages(terminal);
    await terminal.writes(isAsked);
    terminal.type('\u001B[6;20;10t\u001B[?62;4;22c');
    await terminal.writes((written) => readSixels(written).length === 3);
    expectPixels(readSixels(terminal.written()), 0, 2);
    expect(terminal.written()).not.toContain('a=T');
    terminal.type('q');
    expect(await terminal.ended).toBe(0);
  });

  it('stay characters in a terminal that answers otherwise, whose answer is no key', async () => {
    const terminal = open();
    await showImages(terminal);
    await terminal.writes(isAsked);
    terminal.type('\u001B[?62;22c');
    terminal.type('k');
    // After it has answered, all is drawn again, as it may have printed the question.
    await terminal.writes(
      (written) => written.split('\u001B[14t\u001B[c')[1]?.includes('\u001B[2J') === true,
    );
    expect(terminal.lines().join('\n')).toContain('▀');
    terminal.type('q');
    expect(await terminal.ended).toBe(0);
    expect(readKitty(terminal.written()).drawn.size + readSixels(terminal.written()).length).toBe(0);
  });

  it('are sixels in a tmux that has those, which is not asked for what it would take for a title', async () => {
    const terminal = open({ TMUX: '/tmp/tmux-0/default,1,0', TERM: 'tmux-256color' });
    await showImages(terminal);
    await terminal.writes((written) => written.includes('\u001B[16t\u001B[14t\u001B[c'));
    terminal.type('\u001B[?1;2;4c');
    await terminal.writes((written) => readSixels(written).length === 3);
    terminal.type('q');
    expect(await terminal.ended).toBe(0);
    expect(terminal.written()).not.toContain('\u001B_G');
  });

  it.each([{ NO_COLOR: '1' }, { LC_ALL: 'C' }])(
    'stay characters, and nothing is asked, with %o',
    async (env) => {
      const terminal = open(env);
      await showImages(terminal);
      terminal.type('q');
      expect(await terminal.ended).toBe(0);
      expect(terminal.written()).not.toMatch(/\u001B_G|\u001BP|\u001B\[1[46]t|\u001B\[c/);
    },
  );
});
