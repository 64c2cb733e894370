import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { comparisonPage } from '../../../src/report/html/comparison-page.ts';
import { reportPage } from '../../../src/report/html/page.ts';
import { firstPaintOf } from './first-paint.ts';
import { curvesFigure, richComparison, richReport } from './rich-report.ts';
import { inside } from '../../../src/report/html/attachments.ts';

const names = ['chromium', 'chromium-browser', 'google-chrome'];
const browser = names.find((name) => {
  try {
    execFileSync(name, ['--version'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
});
if (browser === undefined) console.warn(`skipped: none of ${names.join(', ')} is installed`);

const folder = mkdtempSync(join(tmpdir(), 'ravelin-axe-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

interface Violation {
  readonly id: string;
  readonly impact: string;
  readonly nodes: readonly string[];
}

/** Opens a page in a browser without a window, runs a script in it, and returns what it gives to `report`. The policy of the page would not let the script run. */
function inBrowser(page: string, scripts: readonly string[], flags: readonly string[]): unknown {
  const path = join(folder, 'page.html');
  const report = `const report = (value) => {
    const result = document.createElement('template');
    result.id = 'result';
    result.setAttribute('data-value', JSON.stringify(value));
    document.body.append(result);
  };`;
  const added = [report, ...scripts].map((script) => `<script>${script}</script>`).join('');
  writeFileSync(
    path,
    page
      .replace(/<meta http-equiv="Content-Security-Policy"[^>]*>/, '')
      .replace('</body>', () => `${added}</body>`),
  );
  const dumped = execFileSync(
    browser!,
    [
      '--headless',
      '--no-sandbox',
      '--disable-gpu',
      '--virtual-time-budget=20000',
      ...flags,
      '--dump-dom',
      `file://${path}`,
    ],
    { encoding: 'utf8', maxBuffer: 64 * 2 ** 20, stdio: ['ignore', 'pipe', 'ignore'] },
  );
  const found = /id="result" data-value="([^"]*)"/.exec(dumped)?.[1];
  if (found === undefined) throw new Error('the script did not finish in the page');
  return JSON.parse(
    found
      .replaceAll('&quot;', '"')
      .replaceAll('&lt;', '<')
      .replaceAll('&gt;', '>')
      .replaceAll('&nbsp;', '\u00a0')
      .replaceAll('&amp;', '&'),
  );
}

function violationsOf(page: string, flags: readonly string[]): readonly Violation[] {
  const runner = `axe.run(document, { resultTypes: ['violations'] }).then(({ violations }) =>
    report(violations.map(({ id, impact, nodes }) => ({ id, impact, nodes: nodes.map(({ html }) => html.slice(0, 200)) }))));`;
  return inBrowser(page, [axe, runner], flags) as readonly Violation[];
}

const isSerious = ({ impact }: Violation): boolean => impact === 'serious' || impact === 'critical';

describe.skipIf(browser === undefined)('axe-core in a browser', () => {
  it.each([
    ['the report, light', () => reportPage(richReport), ['--window-size=1280,900']],
    [
      'the report, dark',
      () => reportPage(richReport),
      ['--window-size=1280,900', '--blink-settings=preferredColorScheme=0'],
    ],
    ['the report on a phone', () => reportPage(richReport), ['--window-size=400,800']],
    [
      'two runs',
      () => comparisonPage(richComparison, inside, () => ({ low: -0.1, high: 0.1 })),
      ['--window-size=1280,900'],
    ],
  ] as const)('finds no serious violation in %s', (_, page, flags) => {
    expect(violationsOf(page(), flags).filter(isSerious)).toEqual([]);
  });

  it('finds one where there is one', () => {
    const broken = reportPage(richReport).replace(/ alt="[^"]*"/g, '');
    expect(
      violationsOf(broken, [])
        .filter(isSerious)
        .map(({ id }) => id),
    ).toContain('image-alt');
  });
});

describe.skipIf(browser === undefined)('the script of the page', () => {
  const flags = ['--window-size=1280,900'];

  it('says the values of curves under the arrow keys and the pointer, and hides series', () => {
    const found = inBrowser(
      reportPage(richReport),
      [
        `const chart = document.querySelector('.chart.points');
        const press = (key) => chart.dispatchEvent(new KeyboardEvent('keydown', { key, bubbles: true }));
        const said = () => chart.parentNode.querySelector('.readout').textContent;
        press('ArrowRight'); press('ArrowRight');
        const byKeys = said();
        press('ArrowDown');
        const below = said();
        const mark = chart.querySelectorAll('.panel')[3].querySelectorAll('[data-series=tvm] [data-x]')[2];
        const box = mark.getBoundingClientRect();
        mark.dispatchEvent(new PointerEvent('pointermove', { bubbles: true, clientX: box.x + box.width / 2, clientY: box.y + box.height / 2 }));
        const byPointer = said();
        const button = [...chart.parentNode.querySelectorAll('.toggles button')].find(({ textContent }) => textContent === 'jpeg');
        button.click();
        const hidden = [...chart.querySelectorAll('[data-series=jpeg]')].map(({ style }) => style.display);
        press('ArrowLeft');
        report({ byKeys, below, byPointer, hidden, pressed: button.getAttribute('aria-pressed'), without: said() });`,
      ],
      flags,
    );
    expect(found).toEqual({
      byKeys: 'fgsm at 0.02:none 72 [67, 77]jpeg 67 [62, 72]tvm 62 [57, 67]',
      below: 'i-fgsm at 0.02:none 72 [67, 77]jpeg 67 [62, 72]tvm 62 [57, 67]',
      byPointer: 'cw-l2 at 0.04:none 54 [49, 59]jpeg 54 [49, 59]tvm 54 [49, 59]',
      hidden: ['none', 'none', 'none', 'none'],
      pressed: 'false',
      without: 'cw-l2 at 0.02:none 72 [67, 77]tvm 62 [57, 67]',
    });
  });

  it('opens an image beside the original and what belongs to it, and gives the focus back', () => {
    const found = inBrowser(
      reportPage(richReport),
      [
        `const button = document.querySelectorAll('.gallery .card button')[1];
        button.click();
        const dialog = document.querySelector('dialog');
        const names = () => [...dialog.querySelectorAll('.called')].map(({ textContent }) => textContent);
        const seen = { open: dialog.open, label: dialog.getAttribute('aria-label'), names: names(), others: dialog.querySelectorAll('.others li').length, buttons: dialog.querySelectorAll('.card button').length };
        const bar = [...dialog.querySelectorAll('nav button')];
        bar.find(({ textContent }) => textContent === 'Next image').click();
        const next = dialog.getAttribute('aria-label');
        bar[0].click();
        setTimeout(() => report({ ...seen, next, left: document.querySelectorAll('dialog').length, focused: document.activeElement === button }), 100);`,
      ],
      flags,
    );
    expect(found).toEqual({
      open: true,
      label: 'Image 0: ship',
      names: ['original', 'fgsm', 'jpeg'],
      others: 3,
      buttons: 0,
      next: 'Image 1: ship',
      left: 0,
      focused: true,
    });
  });

  it('sorts a table by the number of a column, and back', () => {
    const found = inBrowser(
      reportPage(richReport),
      [
        `const table = document.querySelector('#figures table:not(details table)');
        const first = () => table.tBodies[0].rows[0].cells[0].textContent;
        const head = table.tHead.rows[0].cells[2];
        head.querySelector('button').click();
        const rising = [first(), head.getAttribute('aria-sort')];
        head.querySelector('button').click();
        report([...rising, first(), head.getAttribute('aria-sort')]);`,
      ],
      flags,
    );
    expect(found).toEqual(['pgd', 'ascending', 'fgsm', 'descending']);
  });
});

describe.skipIf(browser === undefined)('the first paint', () => {
  const figures = Array.from({ length: 100 }, (_, index) => curvesFigure(`figure-${index}`));

  it.each([
    ['a report', () => reportPage(richReport)],
    ['a report of 100 figures', () => reportPage({ ...richReport, figures })],
    ['two runs', () => comparisonPage(richComparison, inside, () => ({ low: -0.1, high: 0.1 }))],
  ] as const)('of %s takes the main thread less than a second, as a trace shows', async (name, pageOf) => {
    const page = pageOf();
    expect(Buffer.byteLength(page)).toBeLessThan(5_000_000);
    const path = join(folder, 'painted.html');
    writeFileSync(path, page);
    const { seconds, cpuSeconds } = await firstPaintOf(browser!, path, mkdtempSync(join(folder, 'profile-')));
    console.info(
      `first paint of ${name}: ${seconds.toFixed(2)} s, ${cpuSeconds.toFixed(2)} s of the processor`,
    );
    // Other programs on the machine prolong the seconds of the clock, and not those of the processor.
    expect(cpuSeconds).toBeGreaterThan(0);
    expect(cpuSeconds).toBeLessThan(1);
  });
});
