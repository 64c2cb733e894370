// Compiles each AssemblyScript kernel `src/kernels/NAME/NAME.as.ts`, with the `*.as.ts` beside it that it imports, to
// `src/kernels/NAME/NAME.wasm.ts`: the module as text, so that sources, tests and bundles load it alike. Part of `npm run generate`; a
// test compares the digests. Those of `src/tensors/wasm/` compute in the memory of the wasm backend instead of one of their own.
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import asc from 'assemblyscript/asc';

/** The kernels of `src/kernels` that are given a memory when they are instantiated. The others there have their own. */
const inMemoryOfOthers = new Set(['philox']);
const rooms = [
  ['../src/kernels', (name) => inMemoryOfOthers.has(name)],
  ['../src/tensors/wasm', () => true],
];
const kernels = rooms.flatMap(([room, importsMemory]) => {
  const folder = fileURLToPath(new URL(room, import.meta.url));
  return readdirSync(folder)
    .filter((name) => existsSync(`${folder}/${name}/${name}.as.ts`))
    .map((name) => ({ folder, name, options: importsMemory(name) ? ['--importMemory'] : [] }));
});
for (const { folder, name, options } of kernels) {
  const texts = new Map(
    readdirSync(`${folder}/${name}`)
      .filter((file) => file.endsWith('.as.ts'))
      .sort()
      .map((file) => [file, readFileSync(`${folder}/${name}/${file}`, 'utf8')]),
  );
  // --debug adds the names of the functions, which profiles show, and changes no code.
  let binary = null;
  const { error, stderr } = await asc.main(
    [
      `${name}.as.ts`,
      ...['-O3', '--runtime', 'stub', '--enable', 'simd', '--noAssert', '--debug'],
      ...options,
      ...['-o', `${name}.wasm`],
    ],
    {
      readFile: (file) => texts.get(file) ?? null,
      writeFile: (file, contents) => {
        if (file === `${name}.wasm`) binary = contents;
      },
      listFiles: () => [],
    },
  );
  if (error !== null || binary === null) {
    process.stderr.write(`${name}: ${error?.message ?? 'no module'}\n${stderr.toString()}`);
    process.exit(1);
  }
  const digest = createHash('sha256')
    .update([...texts.values()].join(''))
    .digest('hex')
    .slice(0, 16);
  const lines = Buffer.from(binary)
    .toString('base64')
    .match(/.{1,100}/g);
  writeFileSync(
    `${folder}/${name}/${name}.wasm.ts`,
    `// Made by npm run generate from ${name}.as.ts (${digest}). Do not edit.\n` +
      `export const ${name.replaceAll(/-(.)/g, (_, letter) => letter.toUpperCase())}Module =\n${lines
        .map((line) => `  '${line}'`)
        .join(' +\n')};\n`,
  );
}
