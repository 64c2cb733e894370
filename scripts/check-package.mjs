// Packs ravelin and uses the package as its users do: installed in a folder, and installed globally with nothing beside a pipeline.
//
//   node scripts/check-package.mjs [--setup] [NPM…]
//
// installs globally with each of these versions of npm (11 unless others are given), with install scripts and without, and fails if
// that takes more space than it may. --setup also sets up TensorFlow and Dawn, which downloads 330 MB.
import { cpSync, lstatSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { execa } from 'execa';

const root = fileURLToPath(new URL('..', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'ravelin-package-'));
const words = process.argv.slice(2);
const versions = words.filter((word) => /^\d/.test(word));
const setsUp = words.includes('--setup');

/** Megabytes that a global install may take on the disk. */
const mostMegabytes = 160;

const pipeline = `ravelin: 1
name: own-attack
seed: 1
plugins: [./plugins/mi-fgsm.mjs]
stages:
  digits: { uses: dataset/mnist, with: { limit: 8 } }
  network: { uses: model/cnn, with: { filters: [2], dense: [4] } }
  adversarial: { uses: attack/my-mi-fgsm, in: { model: network, images: digits }, with: { dissimilarity: 0.1, steps: 2 } }
`;

/** Runs a command, shows it and what it prints, and fails with it. */
async function run(cwd, command, args, options = {}) {
  console.log(`${cwd}$ ${command} ${args.join(' ')}`);
  await execa(command, args, { cwd, stdio: ['ignore', 'inherit', 'inherit'], ...options });
}

/** What an author of a plugin does on the first day, with the command `ravelin`. */
async function tryPlugins(project, ravelin) {
  await run(project, ravelin, ['new', 'attack', 'my-attack']);
  await run(project, ravelin, ['new', 'defense', 'my-defense']);
  cpSync(join(root, 'examples/plugins/mi-fgsm.mjs'), join(project, 'plugins/mi-fgsm.mjs'));
  const settings = JSON.parse(readFileSync(join(project, 'package.json'), 'utf8'));
  settings.ravelin.plugins.push('./plugins/mi-fgsm.mjs');
  writeFileSync(join(project, 'package.json'), JSON.stringify(settings));
  writeFileSync(join(project, 'p.yaml'), pipeline);
  await run(project, ravelin, ['test']);
  await run(project, ravelin, ['stages', 'attack/my-mi-fgsm']);
  await run(project, ravelin, ['run', 'p.yaml', '--ui', 'plain']);
}

/** Megabytes of the files in a folder, each counted in whole blocks as a disk does. */
function megabytesOf(path) {
  let blocks = 0;
  for (const name of readdirSync(path, { recursive: true })) blocks += lstatSync(join(path, name)).blocks;
  return (blocks * 512) / 2 ** 20;
}

/** A global install by one version of npm, then a first pipeline on what it has, and the set-ups if they are asked for. */
async function tryGlobally(npm, scripts, packed) {
  const prefix = mkdtempSync(join(folder, `npm-${npm}-`));
  const lab = mkdtempSync(join(folder, 'lab-'));
  const home = mkdtempSync(join(folder, 'home-'));
  const flags = scripts ? [] : ['--ignore-scripts'];
  await run(lab, 'npx', [
    ...['--yes', `npm@${npm}`, 'install', '--global', '--prefix', prefix],
    ...['--no-audit', '--no-fund', ...flags, packed],
  ]);
  const megabytes = megabytesOf(prefix);
  console.log(`npm ${npm}, scripts ${scripts ? 'on' : 'off'}: ${megabytes.toFixed(0)} MB`);
  if (megabytes > mostMegabytes) throw new Error(`more than ${mostMegabytes} MB`);
  const ravelin = join(prefix, 'bin/ravelin');
  const env = { RAVELIN_HOME: home };
  await run(lab, ravelin, ['doctor'], { env });
  if (setsUp) {
    await run(lab, ravelin, ['setup', 'webgpu'], { env });
    await run(lab, ravelin, ['setup', 'tensorflow'], { env });
    await run(lab, ravelin, ['doctor'], { env });
  }
  await run(lab, ravelin, ['init'], { env });
  await run(lab, ravelin, ['run', '-p', 'smoke', '--ui', 'plain'], { env });
  rmSync(prefix, { recursive: true });
  rmSync(home, { recursive: true });
}

try {
  await run(root, 'npm', ['run', '--silent', 'build']);
  await run(root, 'npm', ['run', '--silent', 'build:types']);
  await run(root, 'npm', ['pack', '--silent', '--pack-destination', folder]);
  const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
  const packed = join(folder, `ravelin-${version}.tgz`);
  const install = ['install', '--ignore-scripts', '--no-audit', '--no-fund', packed];

  const beside = mkdtempSync(join(folder, 'local-'));
  writeFileSync(join(beside, 'package.json'), '{}');
  await run(beside, 'npm', install);
  await tryPlugins(beside, join(beside, 'node_modules/.bin/ravelin'));

  const prefix = join(folder, 'global');
  const alone = mkdtempSync(join(folder, 'alone-'));
  writeFileSync(join(alone, 'package.json'), '{}');
  await run(alone, 'npm', [...install, '--global', '--prefix', prefix]);
  await tryPlugins(alone, join(prefix, 'bin/ravelin'));
  for (const npm of versions.length === 0 ? ['11'] : versions)
    for (const scripts of [true, false]) await tryGlobally(npm, scripts, packed);
  console.log('The package works installed in a folder and globally.');
} finally {
  rmSync(folder, { recursive: true, force: true });
}
