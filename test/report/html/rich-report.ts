import { drawCurves } from '../../../src/report/curves.ts';
import type { Comparison } from '../../../src/report/html/comparison.ts';
import type { Gallery, GalleryVersion } from '../../../src/report/html/gallery.ts';
import type { Claim, ReportFigure, RunReport } from '../../../src/report/html/run-report.ts';
import { encodePng } from '../../../src/report/png.ts';

/** A page with everything that a page can have. */

const picture = encodePng({
  pixels: Uint8Array.from({ length: 32 * 32 * 3 }, (_, index) => (index * 7) % 256),
  height: 32,
  width: 32,
  channels: 3,
});

function version(role: GalleryVersion['role'], label: string, beside: readonly number[]): GalleryVersion {
  return {
    role,
    label,
    row: role,
    png: picture,
    width: 32,
    height: 32,
    difference: role === 'adversarial' ? picture : null,
    distance: role === 'adversarial' ? '‖δ‖₂/‖x‖₂ 0.06, L∞ 0.03' : '',
    prediction: { top: [['ship', 0.97], ['bird', 0.02]], isRight: role === 'original' },
    beside,
  }; // prettier-ignore
}

export const gallery: Gallery = {
  images: [0, 1].map((id) => ({
    id,
    truth: 'ship',
    versions: [
      version('original', '', []),
      version('adversarial', 'fgsm', [0, 2]),
      version('defended', 'jpeg', [0, 1]),
    ],
  })),
  scale: 5,
  predictedBy: ['undefended'],
  isRounded: true,
};

export function curvesFigure(cell: string, points = 6): ReportFigure {
  const series = ['none', 'jpeg', 'tvm'].map((name, place) => ({
    name,
    points: Array.from({ length: points }, (_, index) => {
      const y = Math.max(0, 90 - 10 * place - (18 - 5 * place) * index);
      return { x: index / 50, y, low: Math.max(0, y - 5), high: y + 5 };
    }),
  }));
  const panels = ['fgsm', 'i-fgsm', 'deepfool', 'cw-l2'].map((title) => ({ title, clean: 90, series }));
  const svg = drawCurves({
    title: `Figure ${cell}`,
    xLabel: 'dissimilarity',
    yLabel: 'accuracy (%)',
    panels,
    dodge: true,
  });
  const rows = panels.flatMap(({ title }) =>
    series.flatMap(({ name, points: own }) => own.map(({ x, y }) => `${title},${name},${x},${y / 100}`)),
  );
  return {
    cell,
    title: `Figure ${cell}`,
    image: { type: 'image/svg+xml', bytes: Buffer.from(svg) },
    gallery: null,
    table: null,
    bold: [],
    csv: ['attack,defense,strength,accuracy', ...rows].join('\r\n'),
    notes: [],
  };
}

const tableFigure: ReportFigure = {
  cell: 'table',
  title: 'A table',
  image: null,
  gallery: null,
  table: [
    ['attack', 'none', 'jpeg'],
    ['fgsm', '10.0 % [8.0, 12.0] / 9 %', '40.0 % [36.0, 44.0]'],
    ['pgd', '0.0 % [0.0, 1.0]', '4.0 % [3.0, 6.0]'],
  ],
  bold: ['1,2'],
  csv: 'attack,none,jpeg\r\nfgsm,0.1,0.4\r\n',
  notes: ['Warning: mind the gap'],
};

const measured = (cell: string, value: number) => ({
  cell,
  attack: cell === 'clean' ? null : 'fgsm',
  value,
  low: value - 0.05,
  high: value + 0.05,
  images: 200,
});
const claims: readonly Claim[] = ['none', 'jpeg', 'tvm'].flatMap((defense) =>
  [0.02, 0.04, 0.06, 0.08, 0.1].map((budget) => ({
    data: 'digits',
    model: 'network',
    defense,
    budget: `dissimilarity ${budget}`,
    clean: measured('clean', 0.9),
    direct: measured('direct', 0.5 - budget),
    adaptive: defense === 'jpeg' && budget === 0.06 ? measured('adaptive', 0.1) : null,
    transferred: defense === 'tvm' ? measured('transferred', 0.6) : null,
  })),
);

export const richReport: RunReport = {
  pipeline: 'guo-2018',
  run: '20260101-000000-000-abcd',
  status: 'failed',
  text: 'A paragraph.',
  facts: [['backend', 'wasm'], ['host', 'a machine']],
  command: 'ravelin run p.yaml -S params.images=200',
  failures: [{ cell: 'broken', message: 'the file is absent', fix: 'bring it' }],
  warnings: [{ message: 'accuracy rises with the strength', cells: ['a', 'b', 'c', 'd'] }],
  claims,
  figures: [
    curvesFigure('figure-4'),
    tableFigure,
    { ...tableFigure, cell: 'grid', title: 'Images', table: null, csv: null, bold: [], notes: [], gallery },
    { ...tableFigure, cell: 'picture', title: 'A picture', table: null, csv: null, bold: [], notes: [], image: { type: 'image/png', bytes: picture } },
  ],
  scores: {
    columns: ['cell', 'accuracy', 'accuracyLow', 'accuracyHigh'],
    rows: [['a', 0.5, 0.4, 0.6], ['b', 0.4, 0.3, 0.5]],
    total: 2,
  },
  costs: [
    { stage: 'attack', uses: ['attack/fgsm'], cells: 1, units: 2, reused: 0, seconds: 1, cpuSeconds: 2 },
    { stage: 'scores', uses: ['evaluate/robustness'], cells: 1, units: 2, reused: 0, seconds: 1, cpuSeconds: 2 },
  ],
  timeline: [
    { worker: 0, stage: 'attack', cell: 'a', start: 0, end: 4 },
    { worker: 1, stage: 'scores', cell: 'b', start: 1, end: 3 },
  ],
  sources: [{ path: 'p.yaml', text: 'ravelin: 1\n', changed: true }],
}; // prettier-ignore

export const richComparison: Comparison = {
  title: 'guo-2018',
  before: richReport,
  after: { ...richReport, run: '20260102-000000-000-abcd', status: 'ok' },
  claims: claims.map((claim, index) => ({ before: claim, after: index === 0 ? null : claim })),
  changed: [{ because: 'with.bits 1 → 2', cells: 'defended', count: 1 }],
  removed: '2 cells of attack',
  added: 'scores',
  facts: [['backend', 'wasm', 'tensorflow']],
  figures: richReport.figures.map((figure, index) => ({
    cell: figure.cell,
    before: figure,
    after: index === 1 ? null : figure,
    isSame: index === 0,
  })),
  scores: [
    {
      row: 'a',
      name: 'accuracy',
      before: { value: 0.5, low: 0.4, high: 0.6 },
      after: { value: 0.7, low: 0.6, high: 0.8 },
      difference: { value: 0.2, low: 0.05, high: 0.35 },
    },
  ],
  totalScores: 3,
};
