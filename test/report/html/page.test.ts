import { createHash } from 'node:crypto';
import { Script } from 'node:vm';
import { describe, expect, it } from 'vitest';
import { reportPage } from '../../../src/report/html/page.ts';
import type { Claim, RunReport } from '../../../src/report/html/run-report.ts';

const hostile = '</script><script>alert(1)</script>"\'><img src=x onerror=alert(1)>\u0000';

const claim: Claim = {
  data: 'digits',
  model: 'network',
  defense: 'jpeg',
  budget: 'epsilon 0.1',
  clean: { cell: 'clean', attack: null, value: 0.98, low: 0.97, high: 0.99, images: 100 },
  direct: { cell: 'direct', attack: 'fgsm', value: 0.5, low: 0.4, high: 0.6, images: 100 },
  adaptive: null,
  transferred: null,
};

const report: RunReport = {
  pipeline: 'a pipeline',
  run: '20260101-000000-000-abcd',
  status: 'ok',
  text: '',
  facts: [['backend', 'wasm']],
  command: "ravelin run 'p.yaml'",
  failures: [],
  warnings: [],
  claims: [claim],
  figures: [],
  scores: {
    columns: ['cell', 'accuracy', 'accuracyLow', 'accuracyHigh'],
    rows: [['a', 0.5, 0.4, 0.6]],
    total: 1,
  },
  costs: [{ stage: 'a', uses: ['test/a'], cells: 1, units: 2, reused: 0, seconds: 1, cpuSeconds: 2 }],
  timeline: [],
  sources: [],
};

describe('the page of a report', () => {
  it('lets nothing run but its own script, and loads nothing', () => {
    const page = reportPage(report);
    const scripts = [...page.matchAll(/<script>([^]*?)<\/script>/g)].map(([, code]) => code!);
    expect(scripts).toHaveLength(1);
    const digest = createHash('sha256').update(scripts[0]!).digest('base64');
    expect(page).toContain(`script-src &#39;sha256-${digest}&#39;`);
    expect(page).toContain('default-src &#39;none&#39;');
    expect([...page.matchAll(/(?:src|href)="(?!#|data:)/g)]).toEqual([]);
    expect(() => new Script(scripts[0]!)).not.toThrow();
  });

  it('shows text of any origin as text', () => {
    const page = reportPage({
      ...report,
      pipeline: hostile,
      status: hostile,
      text: hostile,
      command: hostile,
      facts: [[hostile, hostile]],
      failures: [{ cell: hostile, message: hostile, fix: hostile }],
      warnings: [{ message: hostile, cells: [hostile] }],
      claims: [
        {
          ...claim,
          data: hostile,
          model: hostile,
          direct: { ...claim.direct!, cell: hostile, attack: hostile },
        },
      ],
      figures: [
        {
          cell: hostile,
          title: hostile,
          image: { type: 'image/svg+xml', bytes: Buffer.from(hostile) },
          gallery: null,
          bold: [],
          table: [[hostile], [hostile]],
          csv: hostile,
          notes: [hostile],
        },
      ],
      scores: { columns: [hostile], rows: [[hostile]], total: 1 },
      timeline: [{ worker: 0, stage: 'a', cell: hostile, start: 0, end: 1 }],
      sources: [{ path: hostile, text: hostile, changed: true }],
    });
    expect(page.match(/<script/g)).toHaveLength(1);
    expect(page).not.toContain('<img src=x');
    expect(page).not.toContain('\u0000');
  });

  it('says which defenses no attack went through', () => {
    expect(reportPage(report)).toContain('no adaptive attack');
    const undefended = reportPage({ ...report, claims: [{ ...claim, defense: 'none' }] });
    expect(undefended).not.toContain('no adaptive attack');
  });

  it('has intervals beside the numbers, and says how many rows it leaves out', () => {
    expect(reportPage(report)).toContain('50.0 % <span class="interval">[40.0, 60.0]</span>');
    expect(reportPage(report)).not.toContain('accuracyLow');
    const cut = reportPage({ ...report, scores: { ...report.scores, total: 3000 } });
    expect(cut).toContain('The first 1 of 3000 rows');
  });

  it('draws a long timeline with no more bars than can be told apart', () => {
    const timeline = Array.from({ length: 50_000 }, (_, index) => ({
      worker: index % 2,
      stage: 'a',
      cell: `a[i=${index}]`,
      start: index,
      end: index + 1.9,
    }));
    expect(reportPage({ ...report, timeline }).match(/<rect/g)!.length).toBeLessThan(100);
  });
});
