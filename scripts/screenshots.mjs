// Makes the pictures of the documentation: node scripts/screenshots.mjs [REPORT.html]
//
// docs/images/dashboard.svg is the whole screen on a recorded run of the quickstart, near its end, in tmux. With the page of
// `ravelin report`, docs/images/report.png is its first screen, in Chromium. Build first (npm run build).
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gunzipSync } from 'node:zlib';
import sharp from 'sharp';
import { terminalSvg } from './terminal-svg.mjs';

const root = fileURLToPath(new URL('..', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'ravelin-screenshots-'));
const socket = `ravelin-screenshots-${process.pid}`;
const tmux = (...given) =>
  execFileSync('tmux', ['-L', socket, '-f', '/dev/null', ...given], { encoding: 'utf8' });
const pause = (ms) => new Promise((done) => setTimeout(done, ms));

/** Waits until the screen shows a text. */
async function shows(text) {
  for (let tries = 0; tries < 300; tries++) {
    if (tmux('capture-pane', '-p').includes(text)) return;
    await pause(200);
  }
  throw new Error(`the screen never showed '${text}':\n${tmux('capture-pane', '-p')}`);
}

/** Waits until the screen has not changed for a second. */
async function rests() {
  for (let last = null, now = tmux('capture-pane', '-p'); last !== now; now = tmux('capture-pane', '-p')) {
    last = now;
    await pause(1000);
  }
}

async function dashboard() {
  const ledger = gunzipSync(
    readFileSync(join(root, 'test/dashboard/fixtures/ledgers/quickstart-tensorflow.jsonl.gz')),
  );
  const { run } = JSON.parse(ledger.subarray(0, ledger.indexOf('\n')).toString('utf8'));
  const runFolder = join(folder, '.ravelin/runs', run);
  mkdirSync(runFolder, { recursive: true });
  writeFileSync(join(runFolder, 'events.jsonl'), ledger);
  const command = `env COLORTERM=truecolor TERM=tmux-256color LANG=C.UTF-8 '${process.execPath}' '${join(root, 'dist/cli.js')}' browse ${run} --cache '${join(folder, '.ravelin')}'; sleep 60`;
  tmux('new-session', '-d', '-x', '120', '-y', '30', command);
  try {
    await shows('? keys');
    tmux('send-keys', ']');
    await shows('attack=i-fgsm');
    for (let step = 0; step < 4; step++) tmux('send-keys', '<');
    await rests();
    const label = 'The whole screen of ravelin near the end of the quickstart';
    writeFileSync(
      join(root, 'docs/images/dashboard.svg'),
      terminalSvg(tmux('capture-pane', '-e', '-p'), label),
    );
  } finally {
    tmux('kill-server');
  }
}

async function report(page) {
  const shot = join(folder, 'report.png');
  const flags = [
    '--headless',
    '--no-sandbox',
    '--disable-gpu',
    '--hide-scrollbars',
    '--window-size=1000,900',
  ];
  execFileSync('chromium', [...flags, `--screenshot=${shot}`, `file://${resolve(page)}`], {
    stdio: 'ignore',
  });
  await sharp(shot)
    .png({ palette: true, colours: 64, compressionLevel: 9 })
    .toFile(join(root, 'docs/images/report.png'));
}

try {
  await dashboard();
  const [page] = process.argv.slice(2);
  if (page !== undefined) await report(page);
} finally {
  rmSync(folder, { recursive: true, force: true });
}
