// Compiles each AssemblyScript kernel `src/kernels/NAME/NAME.as.ts`, with the `*.as.ts` beside it that it imports, to
// `src/kernels/NAME/NAME.wasm.ts`: the module as text, so that sources, tests and bundles load it alike. Part of `npm run generate`; a
// test compares the digests.
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import asc from 'assemblyscript/asc';

const folder = fileURLToPath(new URL('../src/kernels', import.meta.url));
for (const name of readdirSync(folder)) {
  const source = `${folder}/${name}/${name}.as.ts`;
  if (!existsSync(source)) continue;
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
      '-O3',
      '--runtime',
      'stub',
      '--enable',
      'simd',
      '--noAssert',
      '--debug',
      '-o',
      `${name}.wasm`,
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
