// Packs ravelin and uses the package as its users do: installed in a folder, and installed globally with nothing beside a pipeline.
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { execa } from 'execa';

const root = fileURLToPath(new URL('..', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'ravelin-package-'));

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

try {
  await run(root, 'npm', ['run', '--silent', 'build']);
  await run(root, 'npm', ['run', '--silent', 'build:types']);
  await run(root, 'npm', ['pack', '--silent', '--pack-destination', folder]);
  const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
  const packed = join(folder, `ravelin-${version}.tgz`);
  const install = ['install', '--ignore-scripts', '--no-audit', '--no-fund', '--omit=optional', packed];

  const beside = mkdtempSync(join(folder, 'local-'));
  writeFileSync(join(beside, 'package.json'), '{}');
  await run(beside, 'npm', install);
  await tryPlugins(beside, join(beside, 'node_modules/.bin/ravelin'));

  const prefix = join(folder, 'global');
  const alone = mkdtempSync(join(folder, 'alone-'));
  writeFileSync(join(alone, 'package.json'), '{}');
  await run(alone, 'npm', [...install, '--global', '--prefix', prefix]);
  await tryPlugins(alone, join(prefix, 'bin/ravelin'));
  console.log('The package works installed in a folder and globally.');
} finally {
  rmSync(folder, { recursive: true, force: true });
}
