// Takes into dist/packages/ what ravelin needs of TensorFlow.js at run time: the operations with their gradients, the backends, and
// the sources of the binding to TensorFlow that `ravelin setup tensorflow` compiles. The packages themselves are several hundred
// megabytes, mostly source maps and builds for browsers, and the install script of one of them downloads an old TensorFlow.
import { cpSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { build } from 'esbuild';

const require = createRequire(import.meta.url);
const folderOf = (name) => dirname(require.resolve(`${name}/package.json`));

/** Each file of dist/packages/ with what it is made from. The others share the operations of tfjs.cjs. */
const entries = {
  tfjs: `import '@tensorflow/tfjs-core/dist/register_all_gradients';
    import '@tensorflow/tfjs-core/dist/public/chained_ops/register_all_chained_ops';
    import { KernelBackend as Base } from '@tensorflow/tfjs-core';
    export * from '@tensorflow/tfjs-core';
    // The backends are compiled to functions, which call the constructor of their base. This one has nothing to do.
    export function KernelBackend() {}
    KernelBackend.prototype = Base.prototype;`,
  wasm: `module.exports = require('@tensorflow/tfjs-backend-wasm/dist/tf-backend-wasm.node.js');`,
  webgpu: `module.exports = require('@tensorflow/tfjs-backend-webgpu/dist/tf-backend-webgpu.node.js');`,
  binding: `require('@tensorflow/tfjs-node-gpu/dist/register_all_kernels.js');
    module.exports = require('@tensorflow/tfjs-node-gpu/dist/nodejs_kernel_backend.js');`,
  messages: `module.exports = require('@tensorflow/tfjs-node-gpu/dist/proto/api_pb.js');`,
};

const sharedOperations = {
  name: 'shared-operations',
  setup({ onResolve, onLoad }) {
    onResolve({ filter: /^@tensorflow\/tfjs(-core)?$/ }, () => ({ path: './tfjs.cjs', external: true }));
    // The backend itself needs the messages only for TensorBoard, which ravelin does not write. Graphs load them from messages.cjs.
    onResolve({ filter: /\.\/proto\/api_pb$/ }, () => ({ path: 'messages', namespace: 'none' }));
    onLoad({ filter: /.*/, namespace: 'none' }, () => ({ contents: 'module.exports = {};' }));
  },
};

/** Writes `dist/packages/` of the repository in `root`, or the same into another folder. */
export async function bundlePackages(root, folder = join(root, 'dist', 'packages')) {
  mkdirSync(folder, { recursive: true });
  for (const [name, contents] of Object.entries(entries)) {
    await build({
      absWorkingDir: root,
      stdin: { contents, resolveDir: root },
      outfile: join(folder, `${name}.cjs`),
      bundle: true,
      format: 'cjs',
      platform: 'node',
      target: 'node20',
      mainFields: ['module', 'main'],
      minifyWhitespace: true,
      minifySyntax: true,
      // Their licences ask that the notices stay with the code.
      legalComments: 'eof',
      // fetch is a global of Node.
      external: ['node-fetch'],
      plugins: name === 'tfjs' ? [] : [sharedOperations],
      logLevel: 'error',
    });
  }
  const modules = folderOf('@tensorflow/tfjs-backend-wasm');
  for (const name of ['', '-simd', '-threaded-simd'])
    cpSync(
      join(modules, 'wasm-out', `tfjs-backend-wasm${name}.wasm`),
      join(folder, 'wasm-out', `tfjs-backend-wasm${name}.wasm`),
    );
  const sources = folderOf('@tensorflow/tfjs-node-gpu');
  cpSync(join(sources, 'binding'), join(folder, 'binding'), { recursive: true });
  cpSync(join(folderOf('node-api-headers'), 'include'), join(folder, 'node-api'), { recursive: true });
  const version = (name) => JSON.parse(readFileSync(join(folderOf(name), 'package.json'), 'utf8')).version;
  writeFileSync(
    join(folder, 'versions.json'),
    JSON.stringify({
      tfjs: version('@tensorflow/tfjs-core'),
      wasm: version('@tensorflow/tfjs-backend-wasm'),
      webgpu: version('@tensorflow/tfjs-backend-webgpu'),
      binding: version('@tensorflow/tfjs-node-gpu'),
    }),
  );
}
