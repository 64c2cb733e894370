// Writes the types of the kit to dist/types/, one file for each entry, as editors and compilers of plugins read them.
import { rmSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { rollup } from 'rollup';
import { dts } from 'rollup-plugin-dts';

const root = fileURLToPath(new URL('..', import.meta.url));
const dir = `${root}/dist/types`;
rmSync(dir, { recursive: true, force: true });
const bundle = await rollup({
  input: { kit: `${root}/src/kit/index.ts`, testing: `${root}/src/kit/testing/index.ts` },
  external: [/^[^./]/],
  plugins: [dts({ tsconfig: `${root}/tsconfig.json` })],
  // A type that an export mentions and nobody can name would break the declarations of a plugin.
  onwarn: (warning) => {
    throw new Error(warning.message);
  },
});
await bundle.write({ dir, format: 'es', chunkFileNames: 'shared.d.ts' });
