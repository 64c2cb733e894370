// Runs one bench: npm run bench -- no-op [arguments]; npm run soak runs test/soak/ so too. They are TypeScript, which Node 20 needs bundled.
import { copyFileSync, existsSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { basename, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { build } from 'esbuild';

const [name, ...rest] = process.argv.slice(2);
const root = fileURLToPath(new URL('..', import.meta.url));
if (name === undefined) {
  console.error('usage: npm run bench -- NAME   (a file of bench/ without its extension)');
  process.exit(2);
}
// Inside the project, so that the bundle finds its packages.
mkdirSync(join(root, 'dist'), { recursive: true });
const folder = mkdtempSync(join(root, 'dist', 'bench-'));
try {
  const outfile = join(folder, `${basename(name)}.mjs`);
  await build({
    entryPoints: [
      join(root, 'bench', existsSync(join(root, 'bench', `${name}.tsx`)) ? `${name}.tsx` : `${name}.ts`),
    ],
    outfile,
    bundle: true,
    format: 'esm',
    platform: 'node',
    target: 'node20',
    packages: 'external',
    logLevel: 'warning',
  });
  // As scripts/build.mjs does.
  copyFileSync(join(root, 'src/models/python/python-server.py'), join(folder, 'python-server.py'));
  process.argv.splice(1, process.argv.length - 1, outfile, ...rest);
  await import(pathToFileURL(outfile).href);
} finally {
  rmSync(folder, { recursive: true, force: true });
}
