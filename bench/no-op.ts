/**
 * A run with nothing to do: wall seconds of `ravelin run` over N trivial cells whose results all exist, beside Turborepo
 * over N trivial tasks, in turn, five times each after one warm-up. Also the seconds of the first run per cell (durable
 * commits through worker processes), and of `plan` over 100,000 cells.
 *
 *   npm run build && npm run bench -- no-op [--cells 1000] [--without-turbo]
 *
 * Installs `turbo` from npm into a temporary folder.
 */
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { printHeader } from './header.ts';

const { values } = parseArgs({
  options: {
    cells: { type: 'string', default: '1000' },
    'without-turbo': { type: 'boolean', default: false },
  },
});
const cells = Number(values.cells);
printHeader();
const cli = resolve('dist/cli.js');
const folder = mkdtempSync(join(tmpdir(), 'ravelin-no-op-'));

try {
  const ours = generatePipeline(join(folder, 'ravelin'), cells);
  const first = time(process.execPath, [cli, 'run', ours, '--ui', 'quiet'], folder);
  console.log(
    `first run      ${first.toFixed(2)} s for ${cells} cells: ${((first * 1000) / cells).toFixed(2)} ms a cell`,
  );
  const turbo = values['without-turbo'] ? undefined : generateTurbo(join(folder, 'turbo'), cells);
  const commands: readonly { readonly name: string; readonly run: () => number }[] = [
    { name: 'ravelin', run: () => time(process.execPath, [cli, 'run', ours, '--ui', 'quiet'], folder) },
    ...(turbo
      ? [
          {
            name: 'turbo',
            run: () =>
              time(
                turbo.command,
                ['run', 'build', '--output-logs=none'],
                turbo.folder,
                `${cells} successful, ${cells} total`,
              ),
          },
        ]
      : []),
  ];
  const seconds = new Map<string, number[]>(commands.map(({ name }) => [name, []]));
  for (let round = 0; round < 6; round++) {
    for (const { name, run } of commands) {
      const elapsed = run();
      if (round > 0) seconds.get(name)!.push(elapsed);
    }
  }
  for (const [name, all] of seconds) {
    all.sort((a, b) => a - b);
    console.log(
      `no-op ${name.padEnd(8)} median ${median(all).toFixed(3)} s (min ${all[0]!.toFixed(3)}, max ${all.at(-1)!.toFixed(3)})`,
    );
  }
  if (turbo)
    console.log(
      `ratio turbo / ravelin ${(median(seconds.get('turbo')!) / median(seconds.get('ravelin')!)).toFixed(2)}`,
    );
} finally {
  rmSync(folder, { recursive: true, force: true });
}

function median(sorted: readonly number[]): number {
  return sorted[Math.floor(sorted.length / 2)]!;
}

function time(command: string, commandArguments: readonly string[], cwd: string, says = ''): number {
  const start = process.hrtime.bigint();
  const { status, stdout, stderr } = spawnSync(command, commandArguments, { cwd, encoding: 'utf8' });
  const elapsed = Number(process.hrtime.bigint() - start) / 1e9;
  if (status !== 0)
    throw new Error(`${command} ${commandArguments.join(' ')} ended with ${status}: ${stderr}`);
  if (!stdout.includes(says)) throw new Error(`${command} did not say '${says}': ${stdout}`);
  return elapsed;
}

function generatePipeline(root: string, count: number): string {
  mkdirSync(root, { recursive: true });
  const file = join(root, 'no-op.yaml');
  const half = Math.ceil(count / 2);
  writeFileSync(
    file,
    `ravelin: 1
name: no-op
stages:
  first:
    uses: debug/constant
    with: { value: $(axes.index) }
    matrix: { index: [${Array.from({ length: half }, (_, index) => index).join(', ')}] }
  second:
    uses: debug/constant
    in: { after: first }
    with: { value: 1 }
`,
  );
  return file;
}

function generateTurbo(root: string, count: number): { readonly folder: string; readonly command: string } {
  mkdirSync(join(root, 'packages'), { recursive: true });
  writeFileSync(
    join(root, 'package.json'),
    JSON.stringify({
      name: 'no-op',
      private: true,
      packageManager: 'npm@10.0.0',
      workspaces: ['packages/*'],
    }),
  );
  writeFileSync(
    join(root, 'turbo.json'),
    JSON.stringify({ tasks: { build: { outputs: ['out.txt'] } }, telemetry: undefined }),
  );
  for (let index = 0; index < count; index++) {
    const folderOfPackage = join(root, 'packages', `p${index}`);
    mkdirSync(folderOfPackage);
    writeFileSync(
      join(folderOfPackage, 'package.json'),
      JSON.stringify({ name: `p${index}`, version: '1.0.0', scripts: { build: 'echo 1 > out.txt' } }),
    );
  }
  const tools = join(root, '..', 'turbo-tool');
  mkdirSync(tools);
  execFileSync('npm', ['install', '--no-audit', '--no-fund', '--prefix', tools, 'turbo@2'], {
    stdio: 'ignore',
  });
  // Turborepo hashes through git's index: at its best where everything is committed and the outputs are ignored.
  writeFileSync(join(root, '.gitignore'), 'out.txt\n.turbo\nnode_modules\n');
  const git = (...parameters: readonly string[]) =>
    execFileSync('git', parameters, { cwd: root, stdio: 'ignore' });
  git('init', '-q');
  git('add', '-A');
  git('-c', 'user.name=bench', '-c', 'user.email=bench@localhost', 'commit', '-q', '-m', 'bench');
  // Only the first run, which is not measured, executes the tasks; a thousand times npm would take it minutes.
  const shims = join(root, '..', 'shims');
  mkdirSync(shims);
  writeFileSync(join(shims, 'npm'), '#!/bin/sh\necho 1 > out.txt\n', { mode: 0o755 });
  process.env['PATH'] = `${shims}:${process.env['PATH'] ?? ''}`;
  process.env['TURBO_TELEMETRY_DISABLED'] = '1';
  return { folder: root, command: join(tools, 'node_modules', '.bin', 'turbo') };
}
